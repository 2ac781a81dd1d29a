/* Why somebody looks beyond their own work: asked once, and kept for some hours. */
#include "trail/private.h"

#include "base/time.h"
#include "trail/pages.h"

enum { REASON_HOURS = 8, REASON_MAX = 300 };

int trail_reason(struct db *db, struct arena *a, int64_t staff, const char *subject, char **reason,
    struct err *err)
{
	return db_get_text(db, err, a, reason, SQL(REASON_GET), "iti", staff, subject, now_us());
}

int trail_reason_give(struct db *db, int64_t staff, const char *subject, const char *reason,
    int64_t lifetime_us, struct err *err)
{
	int64_t n = db_run(
	    db, err, SQL(REASON_PUT), "itti", staff, subject, reason, now_us() + lifetime_us);
	if (n >= 0)
		n = db_run(db, err, SQL(REASON_EXPIRE), "i", now_us());
	return n < 0 ? (int)n : 0;
}

/* "application:12" */
static bool is_subject(const char *s)
{
	size_t kind = s ? strspn(s, "abcdefghijklmnopqrstuvwxyz-") : 0;
	int64_t id;
	return kind > 0 && s[kind] == ':' && str_to_i64(str_from(s + kind + 1), 1, INT64_MAX, &id);
}

json_t *reading_reason_field(struct request *rq)
{
	const char *typed = rq_form(rq, "reason");
	return json_pack("{s:s, s:s, s:s, s:s, s:b, s:b, s:i, s:i, s:s, s:s*}", "id", "reason",
	    "name", "reason", "label", rq_tr(rq, "trail.reason.field"), "help",
	    rq_tr(rq, "trail.reason.help"), "is_text", 1, "required", 1, "rows", 2, "max",
	    REASON_MAX, "value", typed ? typed : "", "problem", rq_problem_at(rq, "reason"));
}

static void ask(struct request *rq, const char *subject, const char *next)
{
	json_object_clear(rq->view);
	rq->status = 403;
	rq->template = "trail/reason";
	json_object_set_new(rq->view, "reason_needed", json_true());
	json_object_set_new(rq->view, "subject", json_string(subject));
	json_object_set_new(rq->view, "next", json_string(next));
	json_object_set_new(rq->view, "title", json_string(rq_tr(rq, "trail.reason.title")));
	json_object_set_new(rq->view, "field", reading_reason_field(rq));
}

int reading_beyond(
    struct request *rq, struct db *db, const char *subject, char **reason, struct err *err)
{
	int rc = trail_reason(db, rq->arena, rq->actor.person, subject, reason, err);
	if (rc == 0)
		ask(rq, subject, rq->url);
	return rc;
}

struct given {
	const char *subject, *reason, *next;
};

static int give(struct request *rq, struct db *db, struct err *err)
{
	const struct given *g = rq_data(rq);
	int rc = trail_reason_give(
	    db, rq->actor.person, g->subject, g->reason, REASON_HOURS * INT64_C(3600000000), err);
	return rc < 0 ? rc : rq_redirect(rq, "%s", g->next);
}

int reason_post(struct request *rq, struct err *err)
{
	struct given *g = arena_new_of(rq->arena, struct given);
	const char *typed = rq_form(rq, "reason"), *next = rq_form(rq, "next");
	g->subject = rq_form(rq, "subject");
	g->reason = str_dup(rq->arena, str_trim(str_from(typed ? typed : "")));
	g->next = next && path_is_local(next) ? next : "/staff";
	if (!is_subject(g->subject))
		return err_set(err, ERR_MALFORMED, NULL, "no subject");
	if (!g->reason[0])
		rq_problem(rq, "reason", "trail.reason.missing", NULL);
	if (rq_has_problems(rq)) {
		ask(rq, g->subject, g->next);
		rq->status = 422;
		return 0;
	}
	rq_set_data(rq, g);
	return rq_write(rq, give);
}
