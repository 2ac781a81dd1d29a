/* /staff/rights: what somebody may do and why, and what would change if a post or role did. */
#include <string.h>

#include "identity/rights/private.h"

/* --- a reason in words --- */

static const char *procedures_text(struct request *rq, const struct right_reason *r)
{
	struct buf text;
	buf_init(&text, rq->arena);
	for (const char *const *p = r->procedures; p && *p; p++)
		buf_printf(&text, "%s%s", text.n ? ", " : "", *p);
	return text.p;
}

json_t *reason_view(
    struct request *rq, struct db *db, const struct role_set *set, const struct right_reason *r)
{
	struct err err;
	const char *key = strcmp(r->source, "post") == 0     ? "identity.rights.because_post"
	                  : strcmp(r->source, "deputy") == 0 ? "identity.rights.because_deputy"
	                                                     : "identity.rights.because_grant";
	const char *role = role_text(rq, set, r->role);
	const char *department =
	    r->department ? department_name_in(db, rq->arena, r->department, rq->lang, &err)
	                  : rq_tr(rq, "identity.user.whole_city");
	json_t *args = json_on_arena(rq->arena,
	    json_pack("{s:s, s:s, s:s, s:s}", "department", department, "rank",
	        r->rank < 0 ? "" : rank_text(rq, (enum rank)r->rank), "role", role, "officer",
	        r->officer ? staff_name(db, rq->arena, r->officer, &err) : ""));
	json_t *out = json_pack("{s:s, s:s, s:s, s:s, s:I, s:s, s:b, s:s}", "text",
	    i18n_format(rq->city->i18n, rq->arena, rq->lang, key, args), "source", r->source,
	    "role", r->role, "role_text", role, "department_id", (json_int_t)r->department,
	    "department", department, "reaches", (int)(r->reaches && r->department), "rank",
	    r->rank < 0 ? "" : rank_name((enum rank)r->rank));
	put_term(out, r->from, r->until);
	if (r->procedures)
		json_object_set_new(out, "procedures", json_string(procedures_text(rq, r)));
	return out;
}

/* --- what somebody may --- */

/* A reason with the permission that it gives. */
json_t *right_view(struct request *rq, struct db *db, const struct role_set *set,
    const struct perm *perm, const struct right_reason *reason)
{
	json_t *out = reason_view(rq, db, set, reason);
	json_object_set_new(out, "permission", json_string(perm->name));
	json_object_set_new(out, "right", json_string(rq_tr(rq, perm->summary)));
	return out;
}

/* [{permission, text, reasons}] of the permissions that the reasons give. */
static json_t *rights_view(struct request *rq, struct db *db, const struct rights_side *side)
{
	json_t *out = json_array();
	for (int m = 0; m < nmodules; m++)
		for (int k = 0; k < modules[m]->nperms; k++) {
			const struct perm *perm = &modules[m]->perms[k];
			json_t *because = json_array();
			for (int i = 0; i < side->n; i++)
				if (reason_gives(side, &side->list[i], perm->name))
					json_array_append_new(because,
					    right_view(rq, db, side->set, perm, &side->list[i]));
			if (json_array_size(because))
				json_array_append_new(
				    out, json_pack("{s:s, s:s, s:O}", "permission", perm->name,
				             "text", rq_tr(rq, perm->summary), "reasons", because));
			json_decref(because);
		}
	return out;
}

json_t *changes_view(struct request *rq, struct db *db, const struct role_set *set,
    const struct right_change *list, int n)
{
	json_t *out = json_array();
	for (int i = 0; i < n; i++)
		json_array_append_new(out, right_view(rq, db, set, list[i].perm, list[i].reason));
	return out;
}

/* What one side gives and the other does not. */
static json_t *difference(struct request *rq, struct db *db, const struct rights_side *of,
    const struct rights_side *without)
{
	struct right_change *list;
	int n = rights_difference(rq->arena, of, without, &list);
	return changes_view(rq, db, of->set, list, n);
}

/* --- trying a change --- */

static const struct form_field_spec change_field = {
    "change", "identity.rights.change", "identity.rights.change_help", "is_choice", NULL, true, 0};
static const struct form_field_spec department_field = {
    "department", "identity.user.department", NULL, "is_choice", NULL, false, 0};

static int64_t department_asked(struct request *rq)
{
	int64_t n;
	const char *s = rq_query(rq, "department");
	return s && str_to_i64(str_from(s), 0, INT64_MAX, &n) ? n : 0;
}

/* "end.2": the third reason goes; "post.課長", "role.records": one more. false: none was asked for.
 */
static bool changed(struct request *rq, struct db *db, const struct right_reason *now, int n,
    struct right_reason **out, int *after)
{
	const struct role_set *set = roles_of(db);
	const char *change = rq_query(rq, "change");
	int64_t at, department = department_asked(rq);
	struct err err;
	*out = arena_array(rq->arena, (size_t)n + 1, sizeof(**out));
	*after = 0;
	if (!change || !change[0])
		return false;
	struct right_reason more = {.rank = -1,
	    .department = department,
	    .reaches = true,
	    .source = "grant",
	    .from = DAY_FIRST,
	    .until = DAY_LAST};
	bool ends = strncmp(change, "end.", 4) == 0, post = strncmp(change, "post.", 5) == 0;
	if (ends && !str_to_i64(str_from(change + 4), 0, n - 1, &at))
		return false;
	for (int i = 0; i < n; i++)
		if (!ends || i != at)
			(*out)[(*after)++] = now[i];
	if (ends)
		return true;
	int role = -1;
	if (post) {
		struct department d = {.code = ""};
		more.rank = rank_parse(change + 5);
		more.source = "post";
		if (more.rank < 0 || !department ||
		    department_get(db, rq->arena, department, &d, &err) <= 0)
			return false;
		more.reaches = more.rank >= RANK_SECTION;
		role = role_of_post(set, (enum rank)more.rank, str_from(d.code));
	} else if (strncmp(change, "role.", 5) == 0) {
		role = role_find(set, change + 5);
	}
	if (role < 0 || (set->list[role].whole_city && department))
		return false;
	more.role = set->list[role].name;
	more.procedures = set->list[role].procedures;
	(*out)[(*after)++] = more;
	return true;
}

static void choose(struct request *rq, json_t *field, const char *value, const char *label)
{
	form_option(field, value, label, text_eq(value, rq_query(rq, "change")));
}

static int change_form(struct request *rq, struct db *db, const char *action,
    const struct right_reason *now, int n, struct err *err)
{
	struct arena *a = rq->arena;
	const struct role_set *set = roles_of(db);
	json_t *form = page_form(rq, action, "identity.rights.try");
	json_t *field = form_field(rq, form, &change_field, NULL);
	json_object_set_new(field, "is_select", json_true());
	json_object_set_new(field, "select", json_true());
	for (int i = 0; i < n; i++) {
		json_t *view = reason_view(rq, db, set, &now[i]);
		choose(rq, field, arena_printf(a, "end.%d", i),
		    arena_printf(a, "%s: %s", rq_tr(rq, "identity.rights.without"),
		        json_string_value(json_object_get(view, "text"))));
		json_decref(view);
	}
	for (int i = 0; i < RANK_COUNT; i++)
		choose(rq, field, arena_printf(a, "post.%s", rank_name((enum rank)i)),
		    arena_printf(a, "%s: %s", rq_tr(rq, "identity.rights.with_post"),
		        rank_text(rq, (enum rank)i)));
	for (int i = 0; i < set->n; i++)
		choose(rq, field, arena_printf(a, "role.%s", set->list[i].name),
		    arena_printf(a, "%s: %s", rq_tr(rq, "identity.rights.with_role"),
		        role_text(rq, set, set->list[i].name)));
	return department_options(rq, db, form_field(rq, form, &department_field, NULL),
	    department_asked(rq), "identity.user.whole_city", err);
}

int rights_get(struct request *rq, struct err *err)
{
	struct db *db = rq_db(rq, err);
	if (!db)
		return -(int)err->kind;
	bool own = !rq_param(rq, "staff");
	int64_t staff = own ? rq->actor.person : rq_param_i64(rq, "staff");
	/* Of others: whoever manages them. Nobody else learns whether there is somebody. */
	if (staff != rq->actor.person && !request_may(rq, db, "identity.manage", 0))
		return err_set(err, ERR_MISSING, NULL, "rights of staff %lld", (long long)staff);
	char *name = staff_name(db, rq->arena, staff, err);
	struct right_reason *now, *then;
	int many, n = right_explain(db, rq->arena, staff, NULL, 0, NULL, &now, err);
	if (n < 0 || !name[0])
		return n < 0 ? n : err_set(err, ERR_MISSING, NULL, "no such staff");
	const struct rights_side before = {roles_of(db), now, n};
	page_title(rq, "identity.rights.title");
	json_object_set_new(rq->view, "person",
	    json_pack("{s:I, s:s, s:b}", "id", (json_int_t)staff, "name", name, "is_self",
	        (int)(staff == rq->actor.person)));
	json_object_set_new(rq->view, "rights", rights_view(rq, db, &before));
	const char *action =
	    own ? "/staff/rights" : arena_printf(rq->arena, "/staff/rights/%lld", (long long)staff);
	if (changed(rq, db, now, n, &then, &many)) {
		const struct rights_side after = {roles_of(db), then, many};
		json_object_set_new(rq->view, "changes",
		    json_pack("{s:o, s:o}", "gained", difference(rq, db, &after, &before), "lost",
		        difference(rq, db, &before, &after)));
	} else if (rq_query(rq, "change") && rq_query(rq, "change")[0])
		rq_problem(rq, "change", "identity.rights.no_change", NULL);
	return change_form(rq, db, action, now, n, err);
}

/* --- /staff/roles --- */

/* Every role with what it gives; for administrators, who grant them, and for a city that writes its
 * own. */
int roles_get(struct request *rq, struct err *err)
{
	struct db *db = rq_db(rq, err);
	if (!db)
		return -(int)err->kind;
	const struct role_set *set = roles_of(db);
	json_t *out = json_array();
	for (int i = 0; i < set->n; i++) {
		const struct role *role = &set->list[i];
		json_t *perms = json_array(), *fields = json_array();
		for (int m = 0; m < nmodules; m++)
			for (int k = 0; k < modules[m]->nperms; k++)
				if (role_has(role, modules[m]->perms[k].name))
					json_array_append_new(
					    perms, json_pack("{s:s, s:s}", "permission",
					               modules[m]->perms[k].name, "text",
					               rq_tr(rq, modules[m]->perms[k].summary)));
		for (int c = 0; c < CLASS_COUNT; c++)
			if (role->classes >> c & 1)
				json_array_append_new(fields,
				    json_pack("{s:s, s:s}", "class",
				        field_class_name((enum field_class)c), "text",
				        rq_tr(rq, arena_printf(rq->arena, "identity.class.%s",
				                      field_class_name((enum field_class)c)))));
		const struct right_reason kinds = {.procedures = role->procedures};
		json_t *row = json_pack("{s:s, s:s, s:o, s:o, s:b, s:b, s:s*}", "role", role->name,
		    "text", role_text(rq, set, role->name), "permissions", perms, "fields", fields,
		    "whole_city", (int)role->whole_city, "own", (int)(role->title_ja != NULL),
		    "procedures", procedures_text(rq, &kinds));
		json_array_append_new(out, row);
	}
	page_title(rq, "identity.rights.roles_title");
	json_object_set_new(rq->view, "roles", out);
	json_t *grants;
	int rc = grants_view(rq, db, &grants, err);
	json_object_set_new(rq->view, "grants", grants);
	return rc;
}
