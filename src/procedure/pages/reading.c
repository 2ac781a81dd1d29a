/* Each reading of an application is noted with its purpose: the procedure whose work it is, and for
 * what is beyond the reader's own work the reason that they gave. */
#include "procedure/pages/pages.h"

#include <inttypes.h>
#include <string.h>

#include "document/document.h"
#include "identity/identity.h"

/* A file is no page: its reader is led to the application's, which asks. */
static int why(struct request *rq, struct db *db, int64_t id, enum trail_kind kind, char **reason,
    struct err *err)
{
	const char *subject = arena_printf(rq->arena, "application:%" PRId64, id);
	if (kind == TRAIL_READ)
		return reading_beyond(rq, db, subject, reason, err);
	int rc = trail_reason(db, rq->arena, rq->actor.person, subject, reason, err);
	if (rc == 0) {
		rq->status = 403;
		(void)rq_redirect(rq, "/staff/applications/%" PRId64, id); /* always 0 */
	}
	return rc;
}

int rq_reading(struct request *rq, const struct application *app, enum trail_kind kind,
    const char *subject, const char *detail, struct err *err)
{
	struct db *db = rq_db(rq, err);
	struct app_actor actor = rq_app_actor(rq);
	char *reason = NULL;
	if (!db)
		return -(int)ERR_STORE;
	if (!actor.staff)
		return 1;
	bool own = app_is_work_of(db, &actor, app);
	/* Who acts on it and is shown the page again is not asked then: the act is noted. */
	int rc = own || rq->method != HTTP_GET ? 1 : why(rq, db, app->id, kind, &reason, err);
	if (rc <= 0)
		return rc;
	rc = reading_note(rq,
	    &(struct reading){.kind = kind,
	        .person = app->applicant_person,
	        .application = app->id,
	        .department = app->department,
	        .subject = subject,
	        .procedure = app->procedure,
	        .fields = staff_sees_classes(db, actor.person, app->department, app->procedure),
	        .beyond = !own,
	        .reason = reason,
	        .detail = detail},
	    err);
	return rc < 0 ? rc : 1;
}

/* Only applications have documents: document_may_read() has seen that this is one. */
int application_document_read(struct request *rq, const struct document *d, struct err *err)
{
	struct application *app;
	struct db *db = rq_db(rq, err);
	int64_t id;
	const char *colon = strchr(d->subject, ':');
	if (!db)
		return -(int)ERR_STORE;
	if (!colon || !str_to_i64(str_from(colon + 1), 1, INT64_MAX, &id))
		return err_set(err, ERR_MISSING, NULL, "document of %s", d->subject);
	int rc = app_get(db, rq->arena, id, &app, err);
	return rc < 0 ? rc
	              : rq_reading(rq, app, TRAIL_DOCUMENT,
	                    arena_printf(rq->arena, "document:%s", d->code), d->title, err);
}
