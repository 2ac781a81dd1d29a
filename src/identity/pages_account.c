/* /account: what people see and change about their own account. */
#include "identity/passkey/passkey.h"

#include <string.h>

#include "base/check.h"
#include "base/json.h"
#include "base/postal.h"
#include "base/text.h"
#include "base/time.h"
#include "notice/notice.h"

static const struct form_field_spec password_again = {"password", "identity.field.password",
    "identity.field.password_help", "is_password", "current-password", true, 0};

int own_account(struct request *rq, struct db *db, struct account *account, struct err *err)
{
	if (rq->actor.token)
		return err_set(err, ERR_DENIED, "identity.needs_session",
		    "%s: not with an API token", rq->actor.id);
	int rc = account_get(db, rq->arena, rq->actor.account, account, err);
	if (rc == 0)
		rc = err_set(err, ERR_MISSING, NULL, "account %lld", (long long)rq->actor.account);
	return rc < 0 ? rc : 0;
}

void account_crumb(struct request *rq)
{
	rq_crumb(rq, rq_tr(rq, "identity.account.title"), "/account");
}

/* --- doing something that asks for the password again --- */

/* own_begin() counts the attempt, own_work() looks at the password on a worker thread, own_write()
 * makes the change, all in one request: that the password was right is not kept anywhere, so the
 * next change asks again. */

static int own_begin(struct db *db, void *arg, struct err *err)
{
	struct request *rq = arg;
	struct own *o = rq_data(rq);
	attempt_key("own", arena_printf(rq->arena, "%lld", (long long)o->account.id), o->attempt);
	return attempt_begin(db, o->attempt, rq->now_us, &o->wait_us, err);
}

static int own_write(struct request *rq, struct db *db, struct err *err)
{
	struct own *o = rq_data(rq);
	int rc = attempt_clear(db, o->attempt, err);
	return rc < 0 ? rc : o->write(rq, db, err);
}

static int own_work(struct request *rq, struct err *err)
{
	struct own *o = rq_data(rq);
	const char *password = rq_form(rq, "password");
	int rc = store_write(rq->city->store, own_begin, rq, err);
	if (rc < 0)
		return rc;
	if (o->wait_us > 0) {
		wait_problem(rq, "password", o->wait_us);
		return 0;
	}
	if (!password_verify(o->account.hash, password ? password : "")) {
		form_problem(rq, "password", "identity.problem.password", NULL);
		return 0;
	}
	if (o->new_password) {
		rc = password_hash(rq->arena, o->new_password, &o->hash, err);
		if (rc < 0)
			return rc;
	}
	return rq_write(rq, own_write);
}

int with_password(struct request *rq, struct own *o)
{
	const char *password = rq_form(rq, "password");
	if (!password || !password[0])
		form_problem(rq, "password", "identity.login.no_password", NULL);
	if (rq_has_problems(rq))
		return 0;
	rq_set_data(rq, o);
	return rq_defer(rq, own_work);
}

static bool fresh(const struct request *rq)
{
	return rq->actor.level >= 2;
}

void fresh_field(struct request *rq, json_t *form)
{
	if (!fresh(rq))
		form_field(rq, form, &password_again, NULL);
}

int with_fresh(struct request *rq, struct own *o)
{
	if (!fresh(rq))
		return with_password(rq, o);
	rq_set_data(rq, o);
	return rq_write(rq, o->write);
}

int own_open(struct request *rq, struct own **out, struct err *err)
{
	struct own *o = *out = arena_new_of(rq->arena, struct own);
	struct db *db = rq_db(rq, err);
	if (!db)
		return -(int)err->kind;
	account_crumb(rq);
	return own_account(rq, db, &o->account, err);
}

/* --- the page --- */

static void row(struct request *rq, json_t *rows, const char *label, const char *value)
{
	json_array_append_new(
	    rows, json_pack("{s:s, s:s}", "label", rq_tr(rq, label), "value",
	              value && value[0] ? value : rq_tr(rq, "identity.account.none")));
}

static const char *part(json_t *profile, const char *path)
{
	const char *text = json_path_text(profile, path);
	return text ? text : "";
}

static void profile_rows(struct request *rq, json_t *profile, json_t *rows)
{
	struct arena *a = rq->arena;
	struct date birthday = {0};
	row(rq, rows, "identity.field.name",
	    arena_printf(a, "%s %s", part(profile, "name.family"), part(profile, "name.given")));
	if (part(profile, "furigana.family")[0])
		row(rq, rows, "identity.field.furigana",
		    arena_printf(a, "%s %s", part(profile, "furigana.family"),
		        part(profile, "furigana.given")));
	else
		row(rq, rows, "identity.field.furigana", "");
	row(rq, rows, "identity.field.birthday",
	    date_parse(str_from(part(profile, "birthday")), &birthday)
	        ? date_text(a, birthday, rq->lang)
	        : "");
	row(rq, rows, "identity.field.address",
	    part(profile, "address.city")[0]
	        ? arena_printf(a, "〒%s %s%s%s%s %s", part(profile, "address.postal_code"),
	              part(profile, "address.prefecture"), part(profile, "address.city"),
	              part(profile, "address.town"), part(profile, "address.street"),
	              part(profile, "address.building"))
	        : "");
	row(rq, rows, "identity.field.phone", part(profile, "phone"));
}

int account_get_page(struct request *rq, struct err *err)
{
	struct db *db = rq_db(rq, err);
	struct account account;
	struct session_info *sessions;
	int64_t codes = 0;
	if (!db)
		return -(int)err->kind;
	int rc = own_account(rq, db, &account, err);
	if (rc < 0)
		return rc;
	int n = session_list(rq, db, account.id, &sessions, err);
	if (n < 0)
		return n;
	rc = db_get_i64(db, err, &codes, SQL(RECOVERY_COUNT), "i", account.id);
	if (rc < 0)
		return rc;
	json_t *rows = json_array(), *profile = NULL;
	if (account.person) {
		rc = person_profile(db, rq->arena, account.person, &profile, err);
		if (profile)
			profile_rows(rq, profile, rows);
	}
	json_t *ways = json_array();
	if (rc == 0)
		rc = account_ways(rq, db, &account, ways, err);
	page_title(rq, "identity.account.title");
	json_object_set_new(rq->view, "ways", ways);
	json_object_set_new(rq->view, "account",
	    json_pack("{s:s, s:s, s:s*, s:b, s:b, s:s, s:i, s:I, s:I, s:o}", "name", account.name,
	        "login", account.login, "mail", account.mail, "is_staff",
	        (int)account_is_staff(&account), "has_second", (int)(account.totp != NULL), "lang",
	        account.lang, "sessions", n, "codes", (json_int_t)codes, "password_changed",
	        (json_int_t)account.password_us, "rows", rows));
	if (profile)
		json_object_set(rq->view, "profile", profile);
	return rc < 0 ? rc : 0;
}

/* --- profile --- */

static const struct form_field_spec profile_fields[] = {
    {"name", "identity.field.name", NULL, "is_name", "name", true, 0},
    {"furigana", "identity.field.furigana", NULL, "is_furigana", NULL, false, 0},
    {"birthday", "identity.field.birthday", "identity.field.birthday_help", "is_date", "bday",
        false, 0},
    {"address", "identity.field.address", NULL, "is_address", "street-address", false, 0},
    {"phone", "identity.field.phone", NULL, "is_phone", "tel", false, 20},
};
static const struct form_field_spec lang_field = {
    "lang", "identity.field.lang", "identity.field.lang_help", "is_choice", NULL, true, 0};

/* values: an object by field name, in the shape of form_values(). */
static void profile_view(
    struct request *rq, const struct account *account, json_t *values, const char *lang)
{
	page_title(rq, "identity.profile.title");
	json_t *form = page_form(rq, "/account/profile", "identity.profile.button");
	for (size_t i = 0; account->person && i < COUNT(profile_fields); i++) {
		json_t *value = json_object_get(values, profile_fields[i].name);
		form_field(rq, form, &profile_fields[i], json_incref(value));
	}
	json_t *field = form_field(rq, form, &lang_field, NULL);
	form_option(field, "ja", "日本語", !text_eq(lang, "en"));
	form_option(field, "en", "English", text_eq(lang, "en"));
}

int profile_get(struct request *rq, struct err *err)
{
	struct own *o;
	json_t *profile = NULL;
	int rc = own_open(rq, &o, err);
	if (rc < 0)
		return rc;
	struct db *db = rq_db(rq, err);
	if (db && o->account.person)
		rc = person_profile(db, rq->arena, o->account.person, &profile, err);
	if (rc < 0)
		return rc;
	json_t *values =
	    json_on_arena(rq->arena, profile ? json_deep_copy(profile) : json_object());
	profile_view(rq, &o->account, values, o->account.lang);
	return 0;
}

static const char *folded(struct arena *a, const char *text, void (*fold)(struct buf *, struct str))
{
	struct buf b;
	buf_init(&b, a);
	fold(&b, str_from(text));
	return b.p ? str_dup(a, str_trim(buf_to_str(&b))) : "";
}

/* A date of birth as it is kept; "" for none (what is no date was refused already), NULL for a day
 * that nobody's birthday can be. */
static const char *birthday_of(struct arena *a, const char *typed)
{
	struct date d;
	if (!date_parse(str_from(typed), &d))
		return "";
	return d.year < 1868 || date_compare(d, date_of_us(now_us())) > 0 ? NULL
	                                                                  : date_format(a, d);
}

/* Sets members that have a text; drops the object when none has. */
static void set_part(json_t *object, const char *key, const char *text)
{
	if (text[0])
		json_object_set_new(object, key, json_string(text));
}

static void take_address(struct request *rq, json_t *typed, json_t *profile)
{
	static const char *const parts[] = {"prefecture", "city", "town", "street", "building"};
	json_t *address = json_object();
	const char *code = folded(rq->arena, part(typed, "postal_code"), text_fold_digits);
	if (code[0] && !check_postal_code(str_from(code)))
		form_problem(rq, "address.postal_code", "identity.problem.postal_code", NULL);
	set_part(address, "postal_code", code);
	for (size_t i = 0; i < COUNT(parts); i++)
		set_part(address, parts[i],
		    folded(rq->arena, part(typed, parts[i]), text_to_half_width));
	if (json_object_size(address))
		json_object_set(profile, "address", address);
	json_decref(address);
}

/* The profile from what was typed, with problems noted. On the arena. */
static json_t *take_profile(struct request *rq, json_t *values, const char *mail)
{
	struct arena *a = rq->arena;
	json_t *p = json_on_arena(a, json_object());
	json_t *name = json_object(), *kana = json_object();
	set_part(
	    name, "family", folded(a, json_path_text(values, "name.family"), text_to_half_width));
	set_part(
	    name, "given", folded(a, json_path_text(values, "name.given"), text_to_half_width));
	if (!part(name, "family")[0])
		form_problem(rq, "name.family", "identity.problem.family", NULL);
	if (!part(name, "given")[0])
		form_problem(rq, "name.given", "identity.problem.given", NULL);
	json_object_set_new(p, "name", name);
	static const char *const parts[] = {"family", "given"};
	for (size_t i = 0; i < COUNT(parts); i++) {
		const char *text =
		    folded(a, json_path_text(values, arena_printf(a, "furigana.%s", parts[i])),
		        text_to_katakana);
		if (text[0] && !text_is_katakana(str_from(text)))
			form_problem(rq, i ? "furigana.given" : "furigana.family",
			    "identity.problem.furigana", NULL);
		set_part(kana, parts[i], text);
	}
	if (json_object_size(kana))
		json_object_set(p, "furigana", kana);
	json_decref(kana);
	const char *birthday = birthday_of(a, json_text(values, "birthday"));
	if (!birthday)
		form_problem(rq, "birthday", "identity.problem.birthday", NULL);
	else
		set_part(p, "birthday", birthday);
	take_address(rq, json_object_get(values, "address"), p);
	const char *phone = folded(a, json_text(values, "phone"), text_fold_number);
	if (phone[0] && !check_phone(str_from(phone)))
		form_problem(rq, "phone", "identity.problem.phone", NULL);
	set_part(p, "phone", phone);
	if (mail)
		set_part(p, "email", mail);
	return p;
}

static int profile_write(struct request *rq, struct db *db, struct err *err)
{
	struct own *o = rq_data(rq);
	const char *lang = text_eq(rq_form(rq, "lang"), "en") ? "en" : "ja";
	const char *actor = account_actor(rq->arena, &o->account);
	int rc = 0;
	if (!text_eq(lang, o->account.lang))
		rc = account_set_lang(db, actor, o->account.id, lang, err);
	if (rc == 0 && o->profile)
		rc = person_set(db, actor, o->account.person, o->profile, lang, err);
	if (rc < 0)
		return rc;
	rq_flash(rq, "success", "identity.profile.done", NULL);
	return rq_redirect(rq, "/account");
}

/* The button beside the postal code: fills in what belongs to it and shows the form again. */
static void look_up(struct request *rq, json_t *values)
{
	struct postal_address *found;
	json_t *address = json_object_get(values, "address");
	const char *code = folded(rq->arena, part(address, "postal_code"), text_fold_digits);
	if (postal_find(rq->arena, str_from(code), &found) == 0) {
		form_problem(rq, "address.postal_code", "identity.problem.postal_unknown", NULL);
		return;
	}
	json_object_set_new(address, "prefecture", json_string(found->prefecture));
	json_object_set_new(address, "city", json_string(found->city));
	json_object_set_new(address, "town", json_string(found->town));
}

int profile_post(struct request *rq, struct err *err)
{
	struct own *o;
	int rc = own_open(rq, &o, err);
	if (rc < 0)
		return rc;
	json_t *values = json_on_arena(rq->arena, json_object());
	for (size_t i = 0; i < COUNT(profile_fields); i++)
		json_object_set_new(values, profile_fields[i].name,
		    form_values(rq, profile_fields[i].type, profile_fields[i].name));
	bool looking = rq_form(rq, "lookup") && o->account.person;
	if (looking)
		look_up(rq, values);
	profile_view(rq, &o->account, values, rq_form(rq, "lang"));
	if (looking)
		return 0;
	if (o->account.person)
		o->profile = take_profile(rq, values, o->account.mail);
	rq_set_data(rq, o);
	return rq_write(rq, profile_write);
}

/* --- password --- */

static void password_view(struct request *rq)
{
	static const struct form_field_spec fresh = {"new_password", "identity.field.new_password",
	    "identity.field.new_password_help", "is_password", "new-password", true, 0};
	page_title(rq, "identity.password.title");
	json_t *form = page_form(rq, "/account/password", "identity.password.button");
	form_field(rq, form, &password_again, NULL);
	form_field(rq, form, &fresh, NULL);
}

int password_get(struct request *rq, struct err *err)
{
	struct own *o;
	int rc = own_open(rq, &o, err);
	if (rc == 0)
		password_view(rq);
	return rc;
}

/* Every other session of the account ends. */
static int end_others(struct request *rq, struct db *db, int64_t account, struct err *err)
{
	struct session_info *sessions;
	const char *current = NULL;
	int n = session_list(rq, db, account, &sessions, err);
	for (int i = 0; i < n; i++)
		if (sessions[i].current)
			current = sessions[i].id;
	return n < 0 ? n : session_end_all(db, account, current, err);
}

static int password_write(struct request *rq, struct db *db, struct err *err)
{
	struct own *o = rq_data(rq);
	int rc = account_set_password(
	    db, account_actor(rq->arena, &o->account), o->account.id, o->hash, err);
	if (rc == 0)
		rc = once_drop_all(db, o->account.id, err);
	if (rc == 0)
		rc = end_others(rq, db, o->account.id, err);
	if (rc == 0)
		rc = account_mail(rq, db, &o->account, "password-changed", NULL, err);
	if (rc < 0)
		return rc;
	rq_flash(rq, "success", "identity.password.done", NULL);
	return rq_redirect(rq, "/account");
}

int password_post(struct request *rq, struct err *err)
{
	struct own *o;
	int rc = own_open(rq, &o, err);
	if (rc < 0)
		return rc;
	password_view(rq);
	const char *fresh = rq_form(rq, "new_password");
	const char *const names[] = {o->account.login, o->account.name, NULL};
	o->new_password = fresh ? fresh : "";
	check_new_password(rq, "new_password", o->new_password, names);
	o->write = password_write;
	return with_password(rq, o);
}

/* --- mail address --- */

static void mail_view(struct request *rq, const char *mail)
{
	static const struct form_field_spec fresh = {"mail", "identity.field.new_mail",
	    "identity.field.new_mail_help", "is_email", "email", true, 254};
	page_title(rq, "identity.mail.title");
	json_t *form = page_form(rq, "/account/mail", "identity.mail.button");
	form_field(rq, form, &fresh, json_string(mail));
	form_field(rq, form, &password_again, NULL);
}

int mail_get(struct request *rq, struct err *err)
{
	struct own *o;
	int rc = own_open(rq, &o, err);
	if (rc == 0)
		mail_view(rq, "");
	return rc;
}

static int mail_write(struct request *rq, struct db *db, struct err *err)
{
	struct own *o = rq_data(rq);
	char *token;
	int rc = once_drop(db, o->account.id, "mail", err);
	if (rc == 0)
		rc = once_make(
		    db, rq->arena, "mail", o->account.id, o->mail, REGISTRATION_S, &token, err);
	if (rc < 0)
		return rc;
	json_t *view = json_pack("{s:s, s:s, s:s, s:i}", "city",
	    city_name(rq->city, o->account.lang), "name", o->account.name, "url",
	    mail_link(rq, o->account.lang, "/confirm/", token), "hours", REGISTRATION_S / 3600);
	rc = notice_mail(db, o->mail, o->account.lang, "confirm-mail",
	    arena_printf(rq->arena, "account:%lld", (long long)o->account.id), view, err);
	json_decref(view);
	if (rc < 0)
		return rc;
	rq_flash(rq, "info", "identity.mail.sent", NULL);
	return rq_redirect(rq, "/account");
}

int mail_post(struct request *rq, struct err *err)
{
	struct own *o;
	int rc = own_open(rq, &o, err);
	if (rc < 0)
		return rc;
	o->mail = mail_tidy(rq->arena, form_value(rq, "mail"));
	o->write = mail_write;
	mail_view(rq, o->mail);
	if (!mail_is_plain(o->mail))
		form_problem(rq, "mail", "identity.problem.mail", NULL);
	return with_password(rq, o);
}

/* --- sessions --- */

int sessions_view(struct request *rq, struct db *db, int64_t account, struct err *err)
{
	struct session_info *list;
	int n = session_list(rq, db, account, &list, err);
	json_t *out = json_array();
	for (int i = 0; i < n; i++)
		json_array_append_new(out,
		    json_pack("{s:s, s:I, s:I, s:s, s:s, s:b, s:s, s:i, s:I}", "id", list[i].id,
		        "created", (json_int_t)list[i].created_us, "seen",
		        (json_int_t)list[i].seen_us, "address", list[i].address, "agent",
		        agent_text(rq, list[i].agent), "current", (int)list[i].current, "method",
		        method_text(rq, list[i].level.method), "level", list[i].level.level,
		        "level_until", (json_int_t)list[i].level.until_us));
	json_object_set_new(rq->view, "sessions", out);
	json_object_set_new(rq->view, "several", json_boolean(n > 1));
	return n < 0 ? n : 0;
}

int sessions_get(struct request *rq, struct err *err)
{
	struct own *o;
	int rc = own_open(rq, &o, err);
	page_title(rq, "identity.sessions.title");
	return rc < 0 ? rc : sessions_view(rq, rq_db(rq, err), o->account.id, err);
}

static int sessions_write(struct request *rq, struct db *db, struct err *err)
{
	struct own *o = rq_data(rq);
	const char *id = rq_form(rq, "session");
	bool all = text_eq(id, "all");
	int rc = all ? end_others(rq, db, o->account.id, err)
	             : session_end_one(db, o->account.id, id ? id : "", err);
	if (rc < 0)
		return rc;
	struct journal_change change = {
	    .actor = account_actor(rq->arena, &o->account),
	    .verb = all ? "identity.sessions_ended" : "identity.session_ended",
	    .subject = arena_printf(rq->arena, "sessions:%lld", (long long)o->account.id),
	};
	if (all || rc > 0)
		rc = journal_add(db, &change, NULL, err);
	if (rc < 0)
		return rc;
	rq_flash(rq, "success", "identity.sessions.done", NULL);
	return rq_redirect(rq, "/account/sessions");
}

int sessions_post(struct request *rq, struct err *err)
{
	struct own *o;
	int rc = own_open(rq, &o, err);
	if (rc < 0)
		return rc;
	rq_set_data(rq, o);
	return rq_write(rq, sessions_write);
}

/* "Firefox, Linux": enough to know one's own devices; the whole text is only in the log. */
const char *agent_text(struct request *rq, const char *agent)
{
	static const char *const browsers[][2] = {{"Edg/", "Edge"}, {"OPR/", "Opera"},
	    {"SamsungBrowser", "Samsung Internet"}, {"Firefox/", "Firefox"}, {"FxiOS", "Firefox"},
	    {"Chrome/", "Chrome"}, {"CriOS", "Chrome"}, {"Safari/", "Safari"}, {"curl/", "curl"}};
	static const char *const systems[][2] = {{"iPhone", "iPhone"}, {"iPad", "iPad"},
	    {"Android", "Android"}, {"Windows", "Windows"}, {"Mac OS X", "Mac"},
	    {"CrOS", "ChromeOS"}, {"Linux", "Linux"}};
	const char *browser = NULL, *system = NULL;
	for (size_t i = 0; i < COUNT(browsers) && !browser; i++)
		if (strstr(agent, browsers[i][0]))
			browser = browsers[i][1];
	for (size_t i = 0; i < COUNT(systems) && !system; i++)
		if (strstr(agent, systems[i][0]))
			system = systems[i][1];
	if (!browser && !system)
		return rq_tr(rq, "identity.sessions.unknown");
	if (!browser || !system)
		return browser ? browser : system;
	return arena_printf(rq->arena, "%s, %s", browser, system);
}

/* --- history --- */

enum { HISTORY_PAGE = 50 };

int history_view(
    struct request *rq, struct db *db, int64_t account, const char *path, struct err *err)
{
	int64_t before = INT64_MAX, last = 0;
	const char *typed = rq_query(rq, "before");
	if (typed)
		(void)str_to_i64(str_from(typed), 1, INT64_MAX, &before); /* else from the top */
	json_t *out = json_array();
	struct rows *r =
	    db_query(db, err, SQL(SIGN_IN_OF), "iii", account, before, (int64_t)HISTORY_PAGE);
	int rc = r ? 0 : -(int)ERR_STORE;
	int n = 0;
	while (r && (rc = rows_next(r)) > 0) {
		char *outcome = rows_dup(r, 2, rq->arena);
		last = rows_i64(r, 0);
		n++;
		json_array_append_new(
		    out, json_pack("{s:I, s:s, s:s, s:b, s:s, s:s, s:s}", "at",
		             (json_int_t)rows_i64(r, 1), "outcome", outcome, "text",
		             rq_tr(rq, arena_printf(rq->arena, "identity.outcome.%s", outcome)),
		             "ok", (int)(text_eq(outcome, "ok") || text_eq(outcome, "raised")),
		             "address", rows_dup(r, 3, rq->arena), "agent",
		             agent_text(rq, rows_dup(r, 4, rq->arena)), "method",
		             rows_str(r, 5).n ? method_text(rq, rows_dup(r, 5, rq->arena)) : ""));
	}
	rows_end(r);
	json_object_set_new(rq->view, "history", out);
	if (n == HISTORY_PAGE)
		json_object_set_new(
		    rq->view, "older", json_sprintf("%s?before=%lld", path, (long long)last));
	return rc < 0 ? rc : 0;
}

int history_get(struct request *rq, struct err *err)
{
	struct own *o;
	int rc = own_open(rq, &o, err);
	page_title(rq, "identity.history.title");
	return rc < 0 ? rc
	              : history_view(rq, rq_db(rq, err), o->account.id, "/account/history", err);
}

/* --- closing --- */

static void close_view(struct request *rq)
{
	page_title(rq, "identity.close.title");
	json_t *form = page_form(rq, "/account/close", "identity.close.button");
	json_object_set_new(form, "danger", json_true());
	form_field(rq, form, &password_again, NULL);
}

int close_get(struct request *rq, struct err *err)
{
	struct own *o;
	int rc = own_open(rq, &o, err);
	if (rc == 0)
		close_view(rq);
	return rc;
}

int account_shut(struct db *db, const char *actor, int64_t account, struct err *err)
{
	int rc = api_token_revoke_all(db, actor, account, err);
	if (rc == 0)
		rc = once_drop_all(db, account, err);
	if (rc == 0)
		rc = session_end_all(db, account, NULL, err);
	return rc;
}

static int close_write(struct request *rq, struct db *db, struct err *err)
{
	struct own *o = rq_data(rq);
	const char *actor = account_actor(rq->arena, &o->account);
	int rc = account_mail(rq, db, &o->account, "account-closed", NULL, err);
	if (rc == 0)
		rc = account_shut(db, actor, o->account.id, err);
	if (rc == 0) {
		int64_t n = db_run(db, err, SQL(RECOVERY_CLEAR), "i", o->account.id);
		if (n >= 0)
			n = db_run(db, err, SQL(DEVICE_FORGET), "i", o->account.id);
		rc = n < 0 ? (int)n : 0;
	}
	if (rc == 0)
		rc = passkeys_remove(db, actor, o->account.id, err);
	if (rc == 0)
		rc = account_close(db, actor, o->account.id, err);
	if (rc == 0)
		rc = session_end(rq, db, err);
	if (rc < 0)
		return rc;
	rq_flash(rq, "success", "identity.close.done", NULL);
	return rq_redirect(rq, "/");
}

int close_post(struct request *rq, struct err *err)
{
	struct own *o;
	int rc = own_open(rq, &o, err);
	if (rc < 0)
		return rc;
	close_view(rq);
	o->write = close_write;
	return with_password(rq, o);
}
