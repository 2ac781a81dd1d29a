/* /account/notices: what a member of staff wishes to be mailed. */
#include "identity/identity.h"
#include "procedure/application/life.h"
#include "procedure/pages/pages.h"
#include "procedure/procedure.h"

static int show(struct request *rq, struct err *err)
{
	struct db *db = rq_db(rq, err);
	bool wishes[WISH_COUNT];
	char *mail = NULL, *lang = NULL;
	int rc = db ? wishes_get(db, rq->actor.person, wishes, err) : -(int)ERR_STORE;
	if (rc < 0 || (rc = staff_mail(db, rq->arena, rq->actor.person, &mail, &lang, err)) < 0)
		return rc;
	json_t *list = json_array();
	for (int i = 0; i < WISH_COUNT; i++)
		json_array_append_new(list,
		    json_pack("{s:s, s:s, s:s, s:b}", "name", wish_names[i], "label",
		        rq_tr(rq, arena_printf(rq->arena, "staff.mails.%s", wish_names[i])), "help",
		        rq_tr(rq, arena_printf(rq->arena, "staff.mails.%s_help", wish_names[i])),
		        "on", (int)wishes[i]));
	json_object_set_new(rq->view, "wishes", list);
	json_object_set_new(rq->view, "mail", mail ? json_string(mail) : json_null());
	rq_title(rq, "staff.mails.title");
	rq_crumb(rq, rq_tr(rq, "identity.account.title"), rq_href(rq, "/account"));
	return 0;
}

static int save_write(struct request *rq, struct db *db, struct err *err)
{
	bool wishes[WISH_COUNT];
	struct app_actor actor = rq_app_actor(rq);
	for (int i = 0; i < WISH_COUNT; i++)
		wishes[i] = text_eq(rq_form(rq, wish_names[i]), "1") ||
		            text_eq(rq_form(rq, wish_names[i]), "true");
	int rc = wishes_set(db, &actor, wishes, err);
	if (rc < 0)
		return rc;
	rq_flash(rq, "success", "staff.mails.saved", NULL);
	return rq_redirect(rq, "/account/notices");
}

static int save(struct request *rq, struct err *err)
{
	/* As everything below /account: not with an API token. */
	if (rq->actor.token)
		return err_set(err, ERR_DENIED, "application.denied", "%s: not with an API token",
		    rq->actor.id);
	return rq_write(rq, save_write);
}

static const struct input inputs[] = {
    {"submitted", "string", false, 5},
    {"message", "string", false, 5},
    {"corrected", "string", false, 5},
    {"turn", "string", false, 5},
    {"digest", "string", false, 5},
    {NULL, NULL, false, 0},
};

static const struct route routes[] = {
    {HTTP_GET, "/account/notices", show, .perm = "staff", .template = "procedure/mails",
        .summary = "What one wishes to be mailed."},
    {HTTP_POST, "/account/notices", save, .perm = "staff", .template = "procedure/mails",
        .summary = "Chooses what one is mailed.", .inputs = inputs, .rate = RATE_WRITE},
};
const struct module mail_pages = {
    .name = "procedure.mails",
    .slot = -1,
    .routes = routes,
    .nroutes = COUNT(routes),
};
