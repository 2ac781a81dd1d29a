/* /staff/jobs: the queue of work, for operators: what waits, what failed for good, and what to do.
 */
#include <string.h>

#include "web/private.h"

enum { PAGE = 50 };

static const char *const states[] = {"dead", "waiting", "running", "done"};

static const char *state_of(struct request *rq)
{
	const char *wanted = rq_query(rq, "state");
	for (size_t i = 0; i < COUNT(states); i++)
		if (text_eq(wanted, states[i]))
			return states[i];
	return states[0];
}

static int add_tabs(struct request *rq, struct db *db, const char *current, struct err *err)
{
	json_t *tabs = json_array();
	json_object_set_new(rq->view, "tabs", tabs);
	for (size_t i = 0; i < COUNT(states); i++) {
		int64_t n = 0;
		int rc = jobs_count(db, states[i], TAB_COUNT_MAX, &n, err);
		if (rc < 0)
			return rc;
		json_array_append_new(tabs,
		    tab_view(rq_tr(rq, arena_printf(rq->arena, "web.jobs.state.%s", states[i])),
		        arena_printf(rq->arena, "%s/staff/jobs?state=%s", rq->p->base, states[i]),
		        strcmp(states[i], current) == 0, n));
	}
	return 0;
}

int jobs_show(struct request *rq, struct err *err)
{
	const char *state = state_of(rq), *before = rq_query(rq, "before");
	int64_t before_id = 0;
	struct db *db = rq_db(rq, err);
	if (!db)
		return -(int)err->kind;
	if (before && !str_to_i64(str_from(before), 1, INT64_MAX, &before_id))
		before_id = 0;
	struct job_info *jobs;
	int n = jobs_list(db, rq->arena, state, before_id, PAGE + 1, &jobs, err);
	if (n < 0)
		return n;
	int rc = add_tabs(rq, db, state, err);
	if (rc < 0)
		return rc;
	bool dead = strcmp(state, "dead") == 0;
	json_t *list = json_array();
	for (int i = 0; i < n && i < PAGE; i++) {
		const struct job_info *j = &jobs[i];
		json_array_append_new(list,
		    json_pack("{s:I,s:s,s:s,s:i,s:I,s:I,s:s,s:b,s:b}", "id", (json_int_t)j->id,
		        "kind", j->kind, "state", j->state, "tries", j->tries, "run_at",
		        (json_int_t)j->run_at_us, "created", (json_int_t)j->created_us, "error",
		        j->last_error ? j->last_error : "", "can_retry", dead, "can_discard",
		        dead || strcmp(state, "waiting") == 0));
	}
	json_object_set_new(rq->view, "state", json_string(state));
	json_object_set_new(rq->view, "jobs", list);
	if (n > PAGE)
		json_object_set_new(rq->view, "next",
		    json_sprintf("%s/staff/jobs?state=%s&before=%lld", rq->p->base, state,
		        (long long)jobs[PAGE - 1].id));
	return 0;
}

static int change(struct request *rq, struct db *db, int (*fn)(struct db *, int64_t, struct err *),
    const char *verb, const char *flash, struct err *err)
{
	int64_t id = rq_param_i64(rq, "id");
	int rc = fn(db, id, err);
	if (rc < 0)
		return rc;
	struct journal_change entry = {.actor = rq->actor.id,
	    .verb = verb,
	    .subject = arena_printf(rq->arena, "job:%lld", (long long)id)};
	rc = journal_add(db, &entry, NULL, err);
	if (rc < 0)
		return rc;
	rq_flash(rq, "success", flash, NULL);
	return rq_redirect(rq, "/staff/jobs");
}

static int retry_write(struct request *rq, struct db *db, struct err *err)
{
	return change(rq, db, jobs_retry, "job.retried", "web.jobs.retried", err);
}

static int discard_write(struct request *rq, struct db *db, struct err *err)
{
	return change(rq, db, jobs_discard, "job.discarded", "web.jobs.discarded", err);
}

int jobs_retry_post(struct request *rq, struct err *err)
{
	(void)err;
	return rq_write(rq, retry_write);
}

int jobs_discard_post(struct request *rq, struct err *err)
{
	(void)err;
	return rq_write(rq, discard_write);
}
