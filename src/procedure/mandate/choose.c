/* Mandates on record where somebody applies: which ones cover the procedure, and what is shown of
 * the one that was used. */
#include "identity/private.h"
#include "procedure/mandate/pages.h"

#include "base/json.h"

int mandate_choices(struct request *rq, struct db *db, const struct procedure *p, const char *kind,
    struct mandate **out, struct err *err)
{
	struct mandate *all;
	int n = mandate_of_agent(db, rq->arena, rq->actor.account, &all, err), found = 0;
	bool company = text_eq(kind, "business");
	if (n < 0 || (!company && !text_eq(kind, "proxy")))
		return n < 0 ? n : 0;
	for (int i = 0; i < n; i++) {
		if (company != text_eq(all[i].ground, "corporate") || !mandate_covers(&all[i], p))
			continue;
		int acts = mandate_lets(db, rq->actor.account, all[i].id, err);
		if (acts < 0)
			return acts;
		if (acts & MANDATE_APPLY)
			all[found++] = all[i];
	}
	*out = all;
	return found;
}

int mandate_choose(struct request *rq, struct db *db, const struct procedure *p, const char *kind,
    int64_t id, struct mandate *out, struct err *err)
{
	struct mandate *list;
	int n = mandate_choices(rq, db, p, kind, &list, err);
	for (int i = 0; i < n; i++)
		if (list[i].id == id) {
			*out = list[i];
			return 0;
		}
	return n < 0 ? n
	             : err_set(err, ERR_MISSING, NULL, "mandate %lld is not for %s", (long long)id,
	                   rq->actor.id);
}

json_t *mandate_choice_field(
    struct request *rq, const struct mandate *list, int n, const char *other, int64_t chosen)
{
	json_t *options = json_array();
	for (int i = 0; i < n; i++)
		json_array_append_new(
		    options, json_pack("{s:s, s:s, s:o, s:b}", "value",
		                 arena_printf(rq->arena, "%lld", (long long)list[i].id), "label",
		                 list[i].name, "help",
		                 json_sprintf("%s%s%s%s", mandate_ground_text(rq, list[i].ground),
		                     list[i].unit[0] ? " · " : "", list[i].unit,
		                     list[i].corporate_number[0]
		                         ? arena_printf(rq->arena, " · %s %s",
		                               rq_tr(rq, "mandate.field.corporate_number"),
		                               list[i].corporate_number)
		                         : ""),
		                 "selected", (int)(list[i].id == chosen)));
	json_array_append_new(
	    options, json_pack("{s:s, s:s, s:b}", "value", "0", "label", other, "selected", 0));
	return json_pack("{s:s, s:s, s:s, s:b, s:b, s:o, s:s?}", "id", "record", "name", "record",
	    "label", rq_tr(rq, "mandate.choose.label"), "is_choice", 1, "required", 1, "options",
	    options, "problem", rq_problem_at(rq, "record"));
}

static const char *member(const json_t *o, const char *name)
{
	const char *s = json_text(o, name);
	return s ? s : "";
}

int mandate_used_view(struct request *rq, const struct application *app, struct err *err)
{
	json_t *used;
	int64_t account;
	struct db *db = app_on_record(app) ? rq_db(rq, err) : NULL;
	int rc = db ? app_mandate_used(db, rq->arena, app->id, &used, &account, err) : 0;
	if (rc <= 0)
		return rc;
	const struct mandate m = {
	    .id = json_integer_value(json_object_get(used, "record")),
	    .state = "active",
	    .name = json_text(app->mandate, "principal_name"),
	    .ground = member(used, "ground"),
	    .corporate_number = member(used, "corporate_number"),
	    .unit = member(used, "unit"),
	    .acts = (unsigned)json_integer_value(json_object_get(used, "acts")),
	    .scope = member(used, "scope"),
	    .from = member(used, "from"),
	    .until = member(used, "until"),
	    .agent_name = "",
	};
	json_t *view = mandate_view(rq, &m);
	json_object_set_new(view, "proof",
	    json_string(
	        rq_tr(rq, arena_printf(rq->arena, "mandate.proof.%s", member(used, "proof")))));
	json_object_set_new(view, "proof_text", json_string(member(used, "proof_text")));
	json_object_set_new(view, "principal_account", json_boolean(account != 0));
	json_object_set_new(view, "href",
	    rq->actor.kind == ACTOR_STAFF && rq_allows(rq, "mandate.manage")
	        ? json_sprintf("/staff/mandates/%lld", (long long)m.id)
	        : json_null());
	json_object_set_new(rq->view, "mandate_record", view);
	return 0;
}
