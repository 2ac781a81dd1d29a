/* For whom somebody applies: what a proxy says, and mandates on record. Who made an application by
 * such a mandate has it as long as the mandate holds; whom it is for has it from its submission on,
 * and so have those who act for the whole of an organisation. */
#include "procedure/application/life.h"

#include "base/json.h"
#include "base/time.h"
#include "identity/mandate/mandate.h"
#include "identity/protect/protect.h"

/* --- what is said --- */

static const char *text_member(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));
	return s && s[0] ? s : NULL;
}

static int mandate_check(const json_t *m, struct err *err)
{
	static const char *const grounds[] = {
	    "letter", "guardian", "household", "professional", "corporate"};
	static const char *const dates[] = {"valid_from", "valid_until"};
	const char *ground = text_member(m, "ground");
	struct date d;
	bool known = false;
	for (size_t i = 0; i < COUNT(grounds); i++)
		known = known || text_eq(ground, grounds[i]);
	if (!text_member(m, "principal_name"))
		return err_field(err, ERR_INPUT, "principal_name", "application.required",
		    "mandate without a name");
	if (!known)
		return err_field(err, ERR_INPUT, "ground", "application.mandate.ground",
		    "mandate with ground %s", ground ? ground : "none");
	for (size_t i = 0; i < COUNT(dates); i++)
		if (text_member(m, dates[i]) && !date_parse(str_from(text_member(m, dates[i])), &d))
			return err_field(err, ERR_INPUT, dates[i], "application.date",
			    "mandate with a wrong date");
	return 0;
}

static const char *iso_member(struct arena *a, const json_t *m, const char *key)
{
	struct date d;
	const char *s = text_member(m, key);
	return s && date_parse(str_from(s), &d) ? date_format(a, d) : NULL;
}

static int mandate_put(struct change *c, const json_t *m, struct err *err)
{
	int64_t n = db_run(c->db, err, &life_sql[SQL_MANDATE_SET], "itttttttt", c->row->id,
	    text_member(m, "principal_name"), text_member(m, "principal_address"),
	    text_member(m, "principal_mail"), text_member(m, "ground"), text_member(m, "document"),
	    text_member(m, "scope"), iso_member(c->arena, m, "valid_from"),
	    iso_member(c->arena, m, "valid_until"));
	c->row->kids |= KID_MANDATE;
	return n < 0 ? (int)n : 0;
}

/* Takes away what was said before, and the mandate on record that was chosen. */
static int mandate_clear(struct change *c, struct err *err)
{
	int64_t n = db_run(c->db, err, &life_sql[SQL_MANDATE_DELETE], "i", c->row->id);
	if (n >= 0)
		n = db_run(c->db, err, &life_sql[SQL_USE_DELETE], "i", c->row->id);
	c->row->kids &= ~(int64_t)(KID_MANDATE | KID_MANDATE_USE);
	return n < 0 ? (int)n : 0;
}

static int mandate_set(struct change *c, const json_t *m, struct err *err)
{
	int rc = m ? mandate_check(m, err) : 0;
	if (rc == 0)
		rc = mandate_clear(c, err);
	if (rc == 0 && m)
		rc = mandate_put(c, m, err);
	return rc < 0 ? rc : change_end(c, "application.mandate", NULL, err);
}

int app_mandate_set(
    struct db *db, const struct app_actor *actor, int64_t id, json_t *mandate, struct err *err)
{
	struct change c;
	struct arena *a = arena_new();
	int rc = change_begin(&c, db, a, actor, id, "save", err);
	if (rc == 0)
		rc = mandate_set(&c, mandate, err);
	arena_free(a);
	return rc;
}

json_t *mandate_of(struct db *db, int64_t id, struct err *err)
{
	static const char *const names[] = {"principal_name", "principal_address", "principal_mail",
	    "ground", "document", "scope", "valid_from", "valid_until"};
	struct rows *rows = db_query(db, err, &life_sql[SQL_MANDATE_GET], "i", id);
	json_t *m = NULL;
	if (rows && rows_next(rows) == 1) {
		m = json_object();
		for (size_t i = 0; i < COUNT(names); i++) {
			struct str v = rows_str(rows, (int)i);
			if (v.p)
				json_object_set_new(m, names[i], json_stringn(v.p, v.n));
		}
	}
	rows_end(rows);
	return m;
}

/* --- mandates on record --- */

/* The older word for a ground, which the table mandate knows. */
static const char *ground_said(const char *ground)
{
	static const char *const words[][2] = {{"parent", "guardian"}, {"care", "professional"}};
	for (size_t i = 0; i < COUNT(words); i++)
		if (text_eq(words[i][0], ground))
			return words[i][1];
	return ground;
}

static json_t *used_of(const struct mandate *m)
{
	return json_pack("{s:I, s:s, s:s, s:i, s:s, s:s, s:s, s:s, s:s, s:s}", "record",
	    (json_int_t)m->id, "ground", m->ground, "scope", m->scope, "acts", (int)m->acts, "from",
	    m->from, "until", m->until, "proof", m->proof, "proof_text", m->proof_text,
	    "corporate_number", m->corporate_number, "unit", m->unit);
}

/* The address is copied only when the agent knows it: a principal's own account keeps theirs. */
static int use_set(struct change *c, const struct mandate *m, struct err *err)
{
	int64_t n = 0;
	int acts = mandate_lets(c->db, c->actor->account, m->id, err);
	if (acts >= 0 && !(acts & MANDATE_APPLY))
		return err_set(
		    err, ERR_MISSING, NULL, "mandate %" PRId64 " is not %s's", m->id, c->actor->id);
	int rc = acts < 0 ? acts : mandate_clear(c, err);
	if (rc < 0)
		return rc;
	json_t *said = json_pack("{s:s, s:s, s:s, s:s, s:s}", "principal_name", m->name,
	    "principal_address", m->address, "ground", ground_said(m->ground), "valid_from",
	    m->from, "valid_until", m->until);
	json_t *used = used_of(m);
	rc = mandate_put(c, said, err);
	if (rc == 0)
		n = db_run(c->db, err, &life_sql[SQL_USE_SET], "iiitt", c->row->id, m->id,
		    m->principal, m->corporate_number, json_canonical_text(c->arena, used));
	json_decref(said);
	json_decref(used);
	c->row->kids |= KID_MANDATE_USE;
	return rc < 0  ? rc
	       : n < 0 ? (int)n
	               : change_end(c, "application.mandate",
	                     json_pack("{s:I}", "record", (json_int_t)m->id), err);
}

int app_mandate_use(struct db *db, const struct app_actor *actor, int64_t id,
    const struct mandate *m, struct err *err)
{
	struct change c;
	struct arena *a = arena_new();
	int rc = change_begin(&c, db, a, actor, id, "save", err);
	if (rc == 0)
		rc = use_set(&c, m, err);
	arena_free(a);
	return rc;
}

struct use {
	int64_t record, principal, account; /* of the principal; 0: none */
	const char *corporate_number, *used;
};

/* 1, 0, <0 */
static int use_of(struct db *db, struct arena *a, int64_t id, struct use *out, struct err *err)
{
	struct rows *r = db_query(db, err, &life_sql[SQL_USE_GET], "i", id);
	int rc = r ? rows_next(r) : -(int)ERR_STORE;
	if (rc > 0)
		*out = (struct use){.record = rows_i64(r, 0),
		    .principal = rows_i64(r, 1),
		    .corporate_number = rows_dup(r, 2, a),
		    .used = rows_dup(r, 3, a),
		    .account = rows_i64(r, 4)};
	rows_end(r);
	return rc;
}

int app_mandate_used(
    struct db *db, struct arena *a, int64_t id, json_t **out, int64_t *account, struct err *err)
{
	struct use u;
	int rc = use_of(db, a, id, &u, err);
	if (rc <= 0)
		return rc;
	*account = u.account;
	*out = json_on_arena(a, json_loads(u.used, 0, NULL));
	return 1;
}

bool app_on_record(const struct application *app)
{
	return (app->kids & KID_MANDATE_USE) != 0;
}

unsigned owner_acts(struct db *db, int64_t account, const struct app_row *r)
{
	struct err err;
	struct use u;
	if (account <= 0)
		return 0;
	if (!(r->kids & KID_MANDATE_USE))
		return account == r->account ? MANDATE_ALL : 0;
	struct arena *a = arena_new();
	bool sent = row_state(r) != APP_DRAFT;
	int acts = 0;
	if (use_of(db, a, r->id, &u, &err) > 0) {
		if (sent && u.account == account)
			acts = MANDATE_ALL;
		else if (r->account == account)
			acts = mandate_lets(db, account, u.record, &err);
		if (acts == 0 && sent && u.corporate_number[0])
			acts = mandate_lets_for(
			    db, account, u.corporate_number, r->account == account, &err);
	}
	arena_free(a);
	return acts > 0 ? (unsigned)acts : 0;
}

int use_mails(struct db *db, struct arena *a, const struct application *app, bool *reads,
    char **principal, struct err *err)
{
	struct use u;
	char *lang;
	int rc = use_of(db, a, app->id, &u, err);
	int acts = rc > 0 ? mandate_lets(db, app->account, u.record, err) : rc;
	if (acts < 0)
		return acts;
	*reads = (acts & MANDATE_READ) != 0;
	if (!u.principal)
		return 0;
	rc = protect_mail(db, a, u.principal, principal, err);
	return rc < 0 ? rc : rc > 0 ? 0 : person_mail(db, a, u.principal, principal, &lang, err);
}
