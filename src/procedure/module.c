/* The procedure module: definitions, applications, their pages. */
#include <stdlib.h>
#include <string.h>

#include "base/postal.h"
#include "procedure/catalogue.h"
#include "procedure/application/life.h"
#include "procedure/city_rules.h"
#include "document/document.h"
#include "notice/notice.h"
#include "procedure/procedure.h"
#include "procedure/protect/sight.h"

/* Addresses of a postal code, for forms (with a script) and for other programs. */
static int postal(struct request *rq, struct err *err)
{
	(void)err;
	struct postal_address *found;
	size_t n = postal_find(rq->arena, str_from(rq_param(rq, "code")), &found);
	json_t *out = json_array();
	for (size_t i = 0; i < n; i++)
		json_array_append_new(out,
		    json_pack("{s:s, s:s, s:s, s:s}", "postal_code", found[i].code, "prefecture",
		        found[i].prefecture, "city", found[i].city, "town", found[i].town));
	json_object_set_new(rq->view, "addresses", out);
	return 0;
}

static const struct route api_routes[] = {
    {HTTP_GET, "/api/postal/{code}", postal, .perm = "public",
        .summary = "Addresses of a postal code.", .flags = ROUTE_CACHE},
};

static const struct perm perms[] = {
    {"application.read", "procedure.perm.application_read"},
    {"application.check", "procedure.perm.application_check"},
    {"application.decide", "procedure.perm.application_decide"},
    {"application.forward", "procedure.perm.application_forward"},
    {"application.export", "procedure.perm.application_export"},
    {"application.counter", "procedure.perm.application_counter"},
    {"application.payment", "procedure.perm.application_payment"},
    {"document.revoke", "procedure.perm.document_revoke"},
    {"procedure.manage", "procedure.perm.manage"},
};

static const struct menu_item menu[] = {
    {"procedure.list.title", "/procedures", "public", "public", 10},
    {"application.my.title", "/my", "resident", "resident", 10},
    {"staff.menu.inbox", "/staff", "application.read", "staff", 10},
    {"staff.menu.counter", "/staff/counter", "application.counter", "staff", 20},
    {"staff.menu.inventory", "/staff/procedures", "staff", "staff", 30},
    {"staff.menu.statistics", "/staff/statistics", "staff", "staff", 40},
};

static int schedule(struct db *db, void *arg, struct err *err)
{
	(void)arg;
	return app_schedule(db, err);
}

static int opened(struct city *city, struct err *err)
{
	/* The same for every city: before the server starts. */
	document_set_hooks(&application_document_hooks);
	notice_set_hides(sight_hides_subject);
	int rc = city_rules_load(city, err);
	if (rc == 0)
		rc = catalogue_load(city, err);
	return rc < 0 ? rc : store_write(city->store, schedule, NULL, err);
}

static const struct journal_verifier *const verifiers[] = {&application_verifier};

static const struct protects *const protects[] = {&number_protects};

const struct module procedure_module = {
    .name = "procedure",
    .slot = SLOT_PROCEDURE,
    .migrations = true,
    .routes = api_routes,
    .nroutes = COUNT(api_routes),
    .perms = perms,
    .nperms = COUNT(perms),
    .menu = menu,
    .nmenu = COUNT(menu),
    .jobs = application_jobs,
    .njobs = APPLICATION_JOB_COUNT,
    .statements = application_statements,
    .nstatements = LIFE_SQL_COUNT,
    .protects = protects,
    .nprotects = COUNT(protects),
    .verifiers = verifiers,
    .nverifiers = COUNT(verifiers),
    .city_open = opened,
    .city_reload = catalogue_load,
    .city_close = catalogue_free,
};
