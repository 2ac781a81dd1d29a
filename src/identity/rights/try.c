/* What would change if the roles did: /staff/roles/try and `machi check --roles`. The file is
 * looked at and forgotten; who changes roles puts it into the city's folder. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/file.h"
#include "identity/rights/private.h"

enum { FILE_MAX = 256 * 1024, PEOPLE_MAX = 500 };

/* --- the page --- */

struct trying {
	const struct role_set *then;
	struct request *rq;
	json_t *people;
	int64_t count;
};

static json_t *classes_view(struct request *rq, unsigned bits)
{
	json_t *out = json_array();
	for (int c = 0; c < CLASS_COUNT; c++)
		if (bits >> c & 1)
			json_array_append_new(out,
			    json_string(rq_tr(rq, arena_printf(rq->arena, "identity.class.%s",
			                              field_class_name((enum field_class)c)))));
	return out;
}

static int take_person(void *arg, struct db *db, const struct roles_change *c, struct err *err)
{
	struct trying *t = arg;
	struct request *rq = t->rq;
	if (t->count++ >= PEOPLE_MAX)
		return 0;
	json_array_append_new(
	    t->people, json_pack("{s:I, s:s, s:o, s:o, s:o, s:o}", "id", (json_int_t)c->staff,
	                   "name", staff_name(db, rq->arena, c->staff, err), "gained",
	                   changes_view(rq, db, c->after.set, c->gained, c->ngained), "lost",
	                   changes_view(rq, db, c->before.set, c->lost, c->nlost), "shown",
	                   classes_view(rq, c->shown), "hidden", classes_view(rq, c->hidden)));
	return 0;
}

/* What was wrong with the file, a line each. */
static void put_problems(struct request *rq, struct str text)
{
	struct str line;
	json_t *list = json_array();
	while (str_cut(&text, '\n', &line))
		if (line.n)
			json_array_append_new(list, json_stringn(line.p, line.n));
	json_object_set_new(rq->view, "line_problems", list);
}

static int read_upload(struct request *rq, const struct upload *u, struct str *out)
{
	char *text = arena_alloc(rq->arena, (size_t)u->size + 1);
	ssize_t n = pread(u->fd, text, (size_t)u->size, 0);
	*out = (struct str){text, n < 0 ? 0 : (size_t)n};
	return n == u->size ? 0 : -(int)ERR_INTERNAL;
}

static int look(struct request *rq, struct err *err)
{
	struct trying *t = rq_data(rq);
	struct db *db = rq_db(rq, err);
	int rc =
	    db ? roles_compare(db, roles_of(db), t->then, take_person, t, err) : -(int)err->kind;
	json_object_set(rq->view, "people", t->people);
	json_object_set_new(rq->view, "count", json_integer(t->count));
	json_object_set_new(rq->view, "tried", json_true());
	json_object_set_new(rq->view, "none", json_boolean(t->count == 0));
	json_object_set_new(rq->view, "cut", json_boolean(t->count > PEOPLE_MAX));
	return rc;
}

int roles_try_get(struct request *rq, struct err *err)
{
	static const struct form_field_spec file = {"file", "identity.rights.try_file",
	    "identity.rights.try_file_help", "is_file", NULL, true, 0};
	(void)err;
	rq_crumb(rq, rq_tr(rq, "identity.rights.roles_title"), "/staff/roles");
	page_title(rq, "identity.rights.try_roles_title");
	json_t *form = page_form(rq, "/staff/roles/try", "identity.rights.try");
	json_object_set_new(form, "multipart", json_true());
	json_t *field = form_field(rq, form, &file, NULL);
	json_object_set_new(field, "accept", json_string(".yaml,.yml,.txt"));
	json_object_set_new(field, "can_add", json_true());
	json_object_set_new(field, "single", json_true());
	return 0;
}

int roles_try_post(struct request *rq, struct err *err)
{
	const struct upload *u = rq_upload(rq, "file", 0);
	(void)roles_try_get(rq, err); /* always 0 */
	if (!u || u->size == 0 || u->size > FILE_MAX) {
		form_problem(rq, "file",
		    u && u->size ? "identity.rights.try_large" : "identity.import.no_file", NULL);
		return 0;
	}
	struct trying *t = arena_new_of(rq->arena, struct trying);
	struct str text;
	if (read_upload(rq, u, &text) < 0)
		return err_set(err, ERR_INTERNAL, NULL, "the upload cannot be read");
	char *said = NULL;
	size_t n = 0;
	FILE *out = open_memstream(&said, &n);
	if (!out)
		abort();
	int problems = roles_parse(rq->arena, u->filename, text, out, &t->then);
	(void)fclose(out); /* memory */
	if (problems) {
		put_problems(rq, (struct str){said, n});
		form_problem(rq, "file", "identity.import.has_problems", NULL);
	}
	free(said);
	if (problems)
		return 0;
	t->rq = rq;
	t->people = json_on_arena(rq->arena, json_array());
	rq_set_data(rq, t);
	return rq_defer(rq, look);
}

/* --- the command --- */

struct printing {
	struct arena *a;
	FILE *out;
	int64_t count;
};

static void print_changes(struct printing *p, struct db *db, const char *who, char sign,
    const struct right_change *list, int n)
{
	struct err err;
	for (int i = 0; i < n; i++) {
		const struct right_reason *r = list[i].reason;
		fprintf(p->out, "%c %s: %s, %s (%s)\n", sign, who, list[i].perm->name,
		    r->department ? department_name(db, p->a, r->department, &err) : "whole city",
		    r->role);
	}
}

static int print_person(void *arg, struct db *db, const struct roles_change *c, struct err *err)
{
	struct printing *p = arg;
	struct account account;
	int rc = account_get(db, p->a, staff_account(db, c->staff), &account, err);
	const char *who = rc > 0 ? account.login : "";
	p->count++;
	print_changes(p, db, who, '+', c->gained, c->ngained);
	print_changes(p, db, who, '-', c->lost, c->nlost);
	for (int i = 0; i < CLASS_COUNT; i++)
		if ((c->shown | c->hidden) >> i & 1)
			fprintf(p->out, "%c %s: fields %s\n", c->shown >> i & 1 ? '+' : '-', who,
			    field_class_name((enum field_class)i));
	return rc < 0 ? rc : 0;
}

int roles_check_file(const char *path, const char *dir, struct db *db, FILE *out, struct err *err)
{
	struct printing p = {.a = arena_new(), .out = out};
	struct str text;
	const struct role_set *now = &roles_built_in, *then;
	int rc = file_read(p.a, path, &text, err);
	if (rc == 0)
		rc = roles_parse(p.a, path, text, out, &then);
	if (rc == 0 && db) {
		rc = roles_read(dir, p.a, &now, err);
		if (rc == 0)
			rc = roles_compare(db, now, then, print_person, &p, err);
		if (rc == 0)
			fprintf(out, "%lld people would have other rights\n", (long long)p.count);
	}
	arena_free(p.a);
	return rc;
}
