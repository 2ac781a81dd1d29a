/* Where a member of staff is signed in, and when they did: for who manages accounts and for
 * security officers, who end what should not be. */
#include "identity/private.h"
#include "trail/trail.h"

static bool may(struct request *rq)
{
	return rq_allows(rq, "identity.manage") || rq_allows(rq, "trail.search");
}

static int load(struct request *rq, struct db *db, struct account *a, struct err *err)
{
	int64_t staff = rq_param_i64(rq, "id"), id = staff > 0 && db ? staff_account(db, staff) : 0;
	if (!may(rq))
		return err_set(err, ERR_DENIED, NULL, "%s sees no sessions", rq->actor.id);
	int rc = !db ? -(int)ERR_STORE : id ? account_get(db, rq->arena, id, a, err) : 0;
	return rc == 0  ? err_set(err, ERR_MISSING, NULL, "staff %s", rq_param(rq, "id"))
	       : rc < 0 ? rc
	                : 0;
}

int user_sessions_get(struct request *rq, struct err *err)
{
	struct db *db = rq_db(rq, err);
	struct account a;
	int rc = load(rq, db, &a, err);
	if (rc < 0 || (rc = note_colleague(rq, a.staff, err)) < 0 ||
	    (rc = sessions_view(rq, db, a.id, err)) < 0 ||
	    (rc = history_view(rq, db, a.id,
	         arena_printf(rq->arena, "/staff/users/%lld/sessions", (long long)a.staff), err)) <
	        0)
		return rc;
	json_object_set_new(rq->view, "staff", json_integer((json_int_t)a.staff));
	json_object_set_new(rq->view, "title",
	    json_sprintf("%s – %s", a.name, rq_tr(rq, "identity.user.sessions")));
	if (rq_allows(rq, "identity.manage")) {
		rq_crumb(rq, rq_tr(rq, "identity.users.title"), "/staff/users");
		rq_crumb(
		    rq, a.name, arena_printf(rq->arena, "/staff/users/%lld", (long long)a.staff));
	}
	return 0;
}

static int end(struct request *rq, struct db *db, struct err *err)
{
	struct account a;
	int rc = load(rq, db, &a, err);
	const char *id = rq_form(rq, "session");
	bool all = text_eq(id, "all");
	if (rc == 0)
		rc = all ? session_end_all(db, a.id, NULL, err)
		         : session_end_one(db, a.id, id ? id : "", err);
	if (rc < 0)
		return rc;
	if (all || rc > 0) {
		struct journal_change change = {.actor = rq->actor.id,
		    .verb = all ? "identity.sessions_ended" : "identity.session_ended",
		    .subject = arena_printf(rq->arena, "sessions:%lld", (long long)a.id)};
		if ((rc = journal_add(db, &change, NULL, err)) < 0)
			return rc;
	}
	rq_flash(rq, "success", "identity.sessions.done", NULL);
	return rq_redirect(rq, "/staff/users/%lld/sessions", (long long)a.staff);
}

int user_sessions_post(struct request *rq, struct err *err)
{
	(void)err;
	return rq_write(rq, end);
}
