/* The answer to a correction request while it is written: kept like a draft, beside the answers
 * that were submitted, until it is sent or the request ends. */
#include "procedure/application/life.h"

#include "base/json.h"

/* Its files are needed as long as it is there, whatever becomes of the application's own. */
static const char *draft_subject(struct arena *a, int64_t id)
{
	return arena_printf(a, "correction-draft:%" PRId64, id);
}

static int draft_load(struct db *db, struct arena *a, int64_t id, json_t **answers,
    int64_t *saved_us, struct err *err)
{
	struct rows *rows = db_query(db, err, &life_sql[SQL_CORRECTION_DRAFT_GET], "i", id);
	int rc = rows ? rows_next(rows) : -(int)ERR_STORE;
	if (rc == 1) {
		*saved_us = rows_i64(rows, 1);
		int parsed = json_of_text(rows_dup(rows, 0, a), answers, err);
		rc = parsed < 0 ? parsed : 1;
	}
	rows_end(rows);
	if (rc == 1)
		json_on_arena(a, *answers);
	return rc;
}

int app_correction_draft(struct db *db, struct arena *a, const struct application *app,
    json_t **answers, int64_t *saved_us, struct err *err)
{
	return (app->kids & KID_CORRECTION_DRAFT)
	           ? draft_load(db, a, app->id, answers, saved_us, err)
	           : 0;
}

static int correction_save(
    struct change *c, const struct procedure *proc, json_t *answers, struct err *err)
{
	struct app_row *r = c->row;
	json_t *sealed, *before = NULL;
	int64_t saved_us;
	int rc = (r->kids & KID_CORRECTION_DRAFT)
	             ? draft_load(c->db, c->arena, r->id, &before, &saved_us, err)
	             : 0;
	if (rc >= 0)
		rc = answers_sealed(c->db, proc, answers, &sealed, err);
	if (rc < 0)
		return rc;
	json_on_arena(c->arena, sealed);
	rc = blobs_sync(c->db, c->arena, draft_subject(c->arena, r->id), before, sealed, err);
	if (rc < 0)
		return rc;
	int64_t n = db_run(c->db, err, &life_sql[SQL_CORRECTION_DRAFT_PUT], "iti", r->id,
	    json_canonical_text(c->arena, sealed), now_us());
	if (n >= 0 && !(r->kids & KID_CORRECTION_DRAFT)) {
		r->kids |= KID_CORRECTION_DRAFT;
		n = db_run(c->db, err, &life_sql[SQL_ROW_KIDS], "ii", r->id, r->kids);
	}
	/* No turn: nothing changed for the office, which may be at work on the application. */
	return n < 0 ? (int)n
	             : row_journal(
	                   c->db, c->arena, c->actor, r, "application.correction_saved", NULL, err);
}

int app_correction_save(struct db *db, const struct app_actor *actor, const struct procedure *proc,
    int64_t id, json_t *answers, struct err *err)
{
	struct change c;
	struct arena *a = arena_new();
	int rc = change_begin(&c, db, a, actor, id, "save_answer", err);
	if (rc == 0)
		rc = correction_save(&c, proc, answers, err);
	arena_free(a);
	return rc;
}

int correction_end(struct change *c, const char *state, int64_t to_revision, struct err *err)
{
	struct app_row *r = c->row;
	json_t *answers;
	int64_t saved_us, n = db_run(c->db, err, &life_sql[SQL_CORRECTION_END], "itii", r->id,
	                      state, now_us(), to_revision);
	if (n < 0 || !(r->kids & KID_CORRECTION_DRAFT))
		return n < 0 ? (int)n : 0;
	int rc = draft_load(c->db, c->arena, r->id, &answers, &saved_us, err);
	if (rc > 0)
		rc =
		    blobs_sync(c->db, c->arena, draft_subject(c->arena, r->id), answers, NULL, err);
	n = rc < 0 ? rc : db_run(c->db, err, &life_sql[SQL_CORRECTION_DRAFT_DROP], "i", r->id);
	r->kids &= ~KID_CORRECTION_DRAFT;
	return n < 0 ? (int)n : 0;
}
