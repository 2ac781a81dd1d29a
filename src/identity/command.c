/* machi user: accounts from the command line. */
#include "identity/passkey/passkey.h"

#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "base/settings.h"
#include "main/cli.h"

struct user_command {
	struct arena *a;
	const char *verb, *who; /* who: login, mail address, or department code */
	const char *name, *name_en, *kana, *family, *given, *mail, *lang, *department, *parent,
	    *rank, *role, *from, *until;
	bool acting;
	char *password, *hash;
	int64_t made;
};

static const char actor[] = "cli";

/* --- passwords --- */

/* A line without echo on a terminal, else the first line of standard input. */
static int read_line(struct arena *a, const char *prompt, char **out, struct err *err)
{
	struct termios old;
	bool terminal = isatty(STDIN_FILENO) && tcgetattr(STDIN_FILENO, &old) == 0;
	if (terminal) {
		struct termios quiet = old;
		quiet.c_lflag &= ~(tcflag_t)ECHO;
		(void)tcsetattr(
		    STDIN_FILENO, TCSAFLUSH, &quiet); /* else it is shown: no harm done */
		fputs(prompt, stderr);
	}
	char line[1024];
	bool got = fgets(line, sizeof(line), stdin) != NULL;
	if (terminal) {
		(void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &old);
		fputc('\n', stderr);
	}
	if (!got)
		return err_set(err, ERR_INPUT, NULL, "no password on standard input");
	line[strcspn(line, "\r\n")] = '\0';
	*out = arena_strdup(a, line);
	bytes_wipe(line, sizeof(line));
	return 0;
}

static int ask_password(struct user_command *c, bool generate, struct err *err)
{
	if (generate) {
		c->password = random_token(c->a, 12);
	} else {
		int rc = read_line(c->a, "Password: ", &c->password, err);
		if (rc < 0)
			return rc;
		const char *const names[] = {c->who, NULL};
		const char *problem = password_problem(c->password, names);
		if (problem)
			return err_set(err, ERR_INPUT, NULL,
			    "this password is too easy to guess, or shorter than 10 characters "
			    "(%s)",
			    problem);
		if (isatty(STDIN_FILENO)) {
			char *again;
			rc = read_line(c->a, "Again: ", &again, err);
			if (rc < 0)
				return rc;
			if (!text_eq(again, c->password))
				return err_set(err, ERR_INPUT, NULL, "the two are not the same");
		}
	}
	return password_hash(c->a, c->password, &c->hash, err);
}

/* --- what each verb does, inside a write --- */

static int the_account(struct db *db, struct user_command *c, struct account *out, struct err *err)
{
	const char *kind = strchr(c->who, '@') ? "resident" : "staff";
	int rc = account_find(db, c->a, kind, c->who, out, err);
	return rc == 0  ? err_set(err, ERR_MISSING, NULL, "no %s %s", kind, c->who)
	       : rc < 0 ? rc
	                : 0;
}

static int the_staff(struct db *db, struct user_command *c, struct account *out, struct err *err)
{
	int rc = the_account(db, c, out, err);
	if (rc == 0 && !out->staff)
		return err_set(err, ERR_INPUT, NULL, "%s is not staff", c->who);
	return rc;
}

/* 0 without --department. */
static int the_department(struct db *db, const char *code, int64_t *id, struct err *err)
{
	*id = 0;
	int rc = code ? department_by_code(db, code, id, err) : 1;
	return rc == 0  ? err_set(err, ERR_MISSING, NULL, "no department %s", code)
	       : rc < 0 ? rc
	                : 0;
}

static int add_resident(struct db *db, struct user_command *c, struct err *err)
{
	char *mail = mail_tidy(c->a, c->who);
	int64_t account;
	if (!mail_is_plain(mail) || !c->family || !c->given)
		return err_set(
		    err, ERR_INPUT, NULL, "a mail address, --family and --given are wanted");
	json_t *profile = json_pack(
	    "{s:{s:s, s:s}, s:s}", "name", "family", c->family, "given", c->given, "email", mail);
	int rc = resident_make(db, actor, mail, c->hash, profile, c->lang, &account, &c->made, err);
	json_decref(profile);
	return rc;
}

static int add_staff(struct db *db, struct user_command *c, struct err *err)
{
	struct staff_fields f = {.login = login_fold(c->a, c->who),
	    .name = c->name,
	    .kana = c->kana,
	    .mail = c->mail ? mail_tidy(c->a, c->mail) : NULL,
	    .hash = c->hash,
	    .lang = c->lang};
	int64_t account;
	if (!login_is_plain(f.login) || !c->name || (f.mail && !mail_is_plain(f.mail)))
		return err_set(err, ERR_INPUT, NULL,
		    "a login of small letters, digits, . _ - and --name are wanted");
	return staff_make(db, actor, &f, &account, &c->made, err);
}

static int set_password(struct db *db, struct user_command *c, struct err *err)
{
	struct account a;
	int rc = the_account(db, c, &a, err);
	if (rc == 0)
		rc = account_set_password(db, actor, a.id, c->hash, err);
	if (rc == 0)
		rc = session_end_all(db, a.id, NULL, err);
	return rc;
}

static int set_state(struct db *db, struct user_command *c, struct err *err)
{
	struct account a;
	bool lock = text_eq(c->verb, "lock");
	int rc = the_account(db, c, &a, err);
	if (rc == 0 && lock)
		rc = account_shut(db, actor, a.id, err);
	return rc < 0 ? rc : account_set_state(db, actor, a.id, lock ? "locked" : "active", err);
}

static int second_off(struct db *db, struct user_command *c, struct err *err)
{
	struct account a;
	int rc = the_account(db, c, &a, err);
	if (rc == 0)
		rc = seconds_remove(db, actor, a.id, err);
	return rc;
}

static int add_post(struct db *db, struct user_command *c, struct err *err)
{
	struct account a;
	int64_t department;
	int rank = c->rank ? rank_parse(c->rank) : -1;
	int rc = the_staff(db, c, &a, err);
	if (rc == 0)
		rc = the_department(db, c->department, &department, err);
	if (rc < 0)
		return rc;
	if (rank < 0 || !department)
		return err_set(err, ERR_INPUT, NULL,
		    "--department CODE and --rank (係員 係長 課長 部長 市長) are wanted");
	return post_make(db, actor, a.staff, department, (enum rank)rank, c->acting,
	    (struct term){c->from, c->until}, err);
}

static int grant(struct db *db, struct user_command *c, struct err *err)
{
	struct account a;
	int64_t department;
	int rc = the_staff(db, c, &a, err);
	if (rc == 0)
		rc = the_department(db, c->department, &department, err);
	if (rc < 0)
		return rc;
	const struct role_set *set = roles_of(db);
	if (!c->role || role_find(set, c->role) < 0) {
		struct arena *names = arena_new();
		struct buf text;
		buf_init(&text, names);
		for (int i = 0; i < set->n; i++)
			buf_printf(&text, " %s", set->list[i].name);
		rc = err_set(err, ERR_INPUT, NULL, "--role is one of%s", text.p);
		arena_free(names);
		return rc;
	}
	return role_make(
	    db, actor, a.staff, c->role, department, (struct term){c->from, c->until}, "", err);
}

static int add_department(struct db *db, struct user_command *c, struct err *err)
{
	struct department_fields f = {
	    .code = c->who, .name = c->name, .name_en = c->name_en, .term = {c->from, c->until}};
	if (!c->name)
		return err_set(err, ERR_INPUT, NULL, "--name is wanted");
	int rc = the_department(db, c->parent, &f.parent, err);
	return rc < 0 ? rc : department_make(db, actor, &f, &c->made, err);
}

static const struct verb {
	const char *name;
	int (*run)(struct db *, struct user_command *, struct err *);
	enum { NO_PASSWORD, PASSWORD } password;
} verbs[] = {
    {"add-resident", add_resident, PASSWORD},
    {"add-staff", add_staff, PASSWORD},
    {"password", set_password, PASSWORD},
    {"lock", set_state, NO_PASSWORD},
    {"unlock", set_state, NO_PASSWORD},
    {"second-off", second_off, NO_PASSWORD},
    {"post", add_post, NO_PASSWORD},
    {"grant", grant, NO_PASSWORD},
    {"department", add_department, NO_PASSWORD},
};

/* --- the list --- */

static int list(struct city *city, struct arena *a, const char *query, struct err *err)
{
	char day[DAY_SIZE];
	today(day);
	struct db *db = store_reader(city->store, err);
	if (!db)
		return -(int)err->kind;
	/* A line each: login, name, state, posts. */
	int64_t after = 0;
	int rc = 0, n;
	do {
		struct arena_mark mark = arena_mark(a);
		struct rows *r = db_query(db, err, SQL(USERS), "tiiti",
		    name_pattern(a, query ? query : ""), after, INT64_C(0), day, INT64_C(100));
		n = 0;
		rc = r ? 0 : -(int)ERR_STORE;
		while (r && (rc = rows_next(r)) > 0) {
			after = rows_i64(r, 0);
			n++;
			printf("%-20.*s %.*s%s%s", STR_ARG(rows_str(r, 1)), STR_ARG(rows_str(r, 2)),
			    str_is(rows_str(r, 5), "active") ? "" : " [locked]",
			    str_is(rows_str(r, 6), "active") ? "" : " [left]");
			struct rows *p = db_query(db, err, SQL(STAFF_POSTS), "i", after);
			while (p && rows_next(p) > 0) {
				char *from = rows_dup(p, 4, a), *until = rows_dup(p, 5, a);
				if (strcmp(from, day) <= 0 && strcmp(until, day) >= 0)
					printf("  %s%s",
					    department_name(db, a, rows_i64(p, 1), err),
					    rank_name((enum rank)rows_i64(p, 2)));
			}
			rows_end(p);
			putchar('\n');
		}
		rows_end(r);
		arena_release(a, mark);
	} while (rc == 0 && n == 100);
	return rc;
}

/* --- the command --- */

struct write_of {
	const struct verb *verb;
	struct user_command *c;
};

static int run_verb(struct db *db, void *arg, struct err *err)
{
	struct write_of *w = arg;
	return w->verb->run(db, w->c, err);
}

static int with_city(
    struct city *city, struct user_command *c, const char *query, bool generate, struct err *err)
{
	if (text_eq(c->verb, "list"))
		return list(city, c->a, query ? query : c->who, err);
	for (size_t i = 0; i < COUNT(verbs); i++) {
		if (!text_eq(verbs[i].name, c->verb))
			continue;
		struct write_of w = {&verbs[i], c};
		int rc = verbs[i].password == PASSWORD ? ask_password(c, generate, err) : 0;
		if (rc == 0)
			rc = store_write(city->store, run_verb, &w, err);
		if (rc == 0 && generate && c->password)
			printf("password: %s\n", c->password);
		if (rc == 0 && c->made)
			printf("%s %s: %lld\n", c->verb, c->who, (long long)c->made);
		return rc;
	}
	return err_set(err, ERR_INPUT, NULL, "no verb %s; see machi user --help", c->verb);
}

static int user(int argc, char **argv)
{
	struct err err = {0};
	struct settings *s;
	struct city *city;
	struct user_command c = {.a = arena_new()};
	const char *city_id = cli_option(&argc, argv, "city");
	const char *query = cli_option(&argc, argv, "query");
	bool generate = cli_flag(&argc, argv, "generate");
	c.acting = cli_flag(&argc, argv, "acting");
	struct {
		const char *name;
		const char **value;
	} options[] = {{"name", &c.name}, {"name-en", &c.name_en}, {"kana", &c.kana},
	    {"family", &c.family}, {"given", &c.given}, {"mail", &c.mail}, {"lang", &c.lang},
	    {"department", &c.department}, {"parent", &c.parent}, {"rank", &c.rank},
	    {"role", &c.role}, {"from", &c.from}, {"until", &c.until}};
	for (size_t i = 0; i < COUNT(options); i++)
		*options[i].value = cli_option(&argc, argv, options[i].name);
	int code = cli_settings("user", &argc, argv, &s);
	if (code != EXIT_OK) {
		arena_free(c.a);
		return code;
	}
	if (argc < 1 || argc > 2 || (argc < 2 && strcmp(argv[0], "list") != 0)) {
		code =
		    cli_usage("user", argc > 2 ? "unknown word" : "a verb and a login are wanted",
		        argc > 2 ? argv[2] : NULL);
	} else if (city_open_one(s, city_id, &city, &err) < 0) {
		code = cli_fail("user", &err);
	} else {
		c.verb = argv[0];
		c.who = argc > 1 ? argv[1] : NULL;
		if (with_city(city, &c, query, generate, &err) < 0)
			code = cli_fail("user", &err);
		city_close(city);
	}
	if (c.password)
		bytes_wipe(c.password, strlen(c.password));
	settings_free(s);
	arena_free(c.a);
	return code;
}

const struct command identity_commands[IDENTITY_COMMAND_COUNT] = {
    {
        .name = "user",
        .summary = "add people, set passwords, grant roles",
        .help = "machi user VERB [LOGIN] [options] [--data DIR] [--city ID]\n\n"
                "  list [TEXT]                                staff with their posts of today\n"
                "  add-staff LOGIN --name NAME                [--kana TEXT] [--mail ADDRESS]\n"
                "  add-resident MAIL --family NAME --given NAME\n"
                "  password LOGIN                             a new one; all sessions end\n"
                "  lock LOGIN, unlock LOGIN\n"
                "  second-off LOGIN                           remove codes and passkeys\n"
                "  post LOGIN --department CODE --rank RANK   係員 係長 課長 部長 市長 [--acting]\n"
                "  grant LOGIN --role ROLE                    [--department CODE], else the whole "
                "city\n"
                "  department CODE --name NAME                [--name-en NAME] [--parent CODE]\n\n"
                "Posts, roles and departments take [--from DATE] [--until DATE]; both days count.\n"
                "Roles: clerk chief manager records accounting procedures operator identity_admin\n"
                "identity_check auditor security; procedures, operator, identity_admin, "
                "identity_check\n"
                "and security for the whole city only.\n"
                "A LOGIN with an @ is a resident's mail address. Passwords are asked for, or\n"
                "read from standard input; --generate makes one and prints it. --lang en makes an\n"
                "account in English.",
        .run = user,
    },
    {
        .name = "rights",
        .summary = "print what each role may do, and what each page asks for",
        .help =
            "machi rights [--data DIR] [--city ID]\n\n"
            "Prints every role with its permissions and classes of fields, and every route with "
            "the\n"
            "permission it asks for, as Markdown: with --city those of the city's roles file "
            "as well.\n"
            "docs/permissions.md is this for the roles of the program.",
        .run = run_rights,
    },
};
