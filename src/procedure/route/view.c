/* The route as pages show it. */
#include "procedure/application/life.h"

#include "identity/identity.h"

static void set_text(json_t *o, const char *key, const char *s)
{
	json_object_set_new(o, key, s ? json_string(s) : json_null());
}

/* Who could act: only while it is not done; afterwards the frozen names speak. */
static json_t *officers_view(
    struct db *db, struct arena *a, const struct route_step *s, int64_t drafter)
{
	json_t *list = json_array();
	int64_t *staff;
	struct err err;
	if (!step_is(s, "open") && !step_is(s, "waiting"))
		return list;
	int n = step_is(s, "open")
	            ? route_asked(db, a, s, drafter, &staff, &err)
	            : staff_of_post(db, a, s->department, (enum rank)s->post, &staff, &err);
	for (int i = 0; i < n; i++)
		json_array_append_new(list, json_string(staff_name(db, a, staff[i], &err)));
	return list;
}

static json_t *step_view(
    struct db *db, struct arena *a, const struct route_step *s, int64_t drafter)
{
	struct err err;
	const char *state = s->skip ? s->skip : s->state;
	const char *department =
	    s->department_name ? s->department_name : department_name(db, a, s->department, &err);
	json_t *o = json_pack("{s:I, s:s, s:s, s:s, s:s, s:s, s:s, s:b, s:b, s:b}", "stage",
	    (json_int_t)s->stage, "id", s->step, "kind", s->kind, "kind_key",
	    arena_printf(a, "application.route.kind.%s", s->kind), "post",
	    rank_name((enum rank)s->post), "state", s->state, "state_key",
	    arena_printf(a, "application.route.state.%s", state), "delegated", (int)s->delegated,
	    "is_open", (int)step_is(s, "open"), "is_done",
	    !step_is(s, "open") && !step_is(s, "waiting"));
	json_object_set_new(o, "round", json_integer((json_int_t)s->round));
	set_text(o, "department_name", department);
	json_object_set_new(o, "officer_names", officers_view(db, a, s, drafter));
	set_text(o, "acted_name", s->acted_name);
	set_text(o, "acting_for_name", s->acting_for_name);
	json_object_set_new(
	    o, "at", s->acted_us ? json_integer((json_int_t)s->acted_us) : json_null());
	set_text(o, "comment", s->comment);
	set_text(o, "review", strcmp(s->review, "none") == 0 ? NULL : s->review);
	set_text(o, "review_name", s->review_name);
	json_object_set_new(
	    o, "reviewed", s->review_us ? json_integer((json_int_t)s->review_us) : json_null());
	return o;
}

struct mine {
	bool open, consult, decide, deputy, pull_up, superior, review, acted;
	int64_t stage;
};

static struct mine mine_of(struct db *db, struct arena *a, const struct app_actor *actor,
    const struct application *app, const struct route_step *steps, int n)
{
	struct mine m = {.stage = -1};
	enum route_right best = RIGHT_NONE;
	for (int i = 0; i < n; i++) {
		int64_t acting_for;
		const struct route_step *s = &steps[i];
		if ((s->acted_by && s->acted_by != app->drafter) || text_eq(s->skip, "pulled_up") ||
		    s->pass > 1)
			m.acted = true;
		if (strcmp(s->review, "needed") == 0 && s->review_by == actor->person)
			m.review = app->state != APP_APPROVAL;
		if (!step_is(s, "open"))
			continue;
		enum route_right r = route_right_of(db, a, s, app->drafter, actor, &acting_for);
		if (r == RIGHT_NONE || (best != RIGHT_NONE && r >= best))
			continue;
		best = r;
		m.open = true;
		m.stage = s->stage;
		m.consult = step_kind_is(s, "consult");
		m.decide = step_kind_is(s, "decide");
		m.deputy = r == RIGHT_DEPUTY;
		m.pull_up = r == RIGHT_PULL_UP;
		m.superior = r == RIGHT_SUPERIOR;
	}
	return m;
}

static json_t *can_view(const struct app_actor *actor, const struct application *app, struct mine m)
{
	json_t *can = json_object();
	bool drafter = app->state == APP_APPROVAL && app->drafter == actor->person;
	const struct {
		const char *name;
		bool yes;
	} verbs[] = {
	    {"approve", m.open},
	    {"send_back", m.open},
	    {"reject", m.open},
	    {"comment", m.open || drafter},
	    {"pull_back", drafter && !m.acted},
	    {"review", m.review},
	    /* How it is meant, for the buttons' words. */
	    {"is_consult", m.open && m.consult},
	    {"is_decision", m.open && m.decide},
	    {"as_deputy", m.deputy},
	    {"as_pull_up", m.pull_up},
	    {"as_superior", m.superior},
	};
	for (size_t i = 0; i < COUNT(verbs); i++)
		if (verbs[i].yes && actor->staff)
			json_object_set_new(can, verbs[i].name, json_true());
	return can;
}

/* Earlier steps that can be sent back to; the drafter always. */
static json_t *back_view(struct arena *a, const struct application *app,
    const struct route_step *steps, int n, int64_t stage)
{
	json_t *list = json_array();
	json_array_append_new(
	    list, json_pack("{s:i, s:s}", "to_step", -1, "key", "application.route.to_drafter"));
	for (int i = 0; i < n && steps[i].stage < stage; i++) {
		if ((i > 0 && steps[i - 1].stage == steps[i].stage) || steps[i].skip ||
		    steps[i].acted_by == app->drafter)
			continue;
		json_t *o = json_pack("{s:I, s:s, s:s, s:s}", "to_step", (json_int_t)steps[i].stage,
		    "key", "application.route.to_step_of", "kind_key",
		    arena_printf(a, "application.route.kind.%s", steps[i].kind), "post",
		    rank_name((enum rank)steps[i].post));
		set_text(o, "name", steps[i].acted_name);
		json_array_append_new(list, o);
	}
	return list;
}

static bool among(const struct route_step *steps, int n, int64_t id)
{
	for (int i = 0; i < n; i++)
		if (steps[i].id == id)
			return true;
	return false;
}

int app_route_view(struct db *db, struct arena *a, const struct app_actor *actor,
    const struct application *app, const struct procedure *proc, json_t **out, struct err *err)
{
	struct route_step *steps = NULL, *all = NULL;
	int n = 0, nall = 0;
	(void)proc; /* the rows hold all that the round took from the definition */
	if (app->kids & KID_ROUTE) {
		n = route_load(db, a, app->id, app->round, false, &steps, err);
		nall = n < 0 ? n : route_load(db, a, app->id, 0, true, &all, err);
	}
	if (nall < 0)
		return nall;
	json_t *now = json_array(), *log = json_array(), *former = json_array();
	for (int i = 0; i < n; i++)
		json_array_append_new(now, step_view(db, a, &steps[i], app->drafter));
	/* What was said in this round and before, in the order of the acts. */
	for (int i = 0; i < nall; i++) {
		if (!all[i].acted_us)
			continue;
		json_t *said = step_view(db, a, &all[i], app->drafter);
		json_array_append_new(log, said);
		if (!among(steps, n, all[i].id))
			json_array_append(former, said);
	}
	struct mine m =
	    actor->staff ? mine_of(db, a, actor, app, steps, n) : (struct mine){.stage = -1};
	*out = json_pack("{s:o, s:o, s:o, s:i, s:o, s:o, s:s?, s:s?}", "steps", now, "log", log,
	    "former", former, "rounds", app->round, "can", can_view(actor, app, m), "back_to",
	    m.open ? back_view(a, app, steps, n, m.stage) : json_array(), "outcome", app->outcome,
	    "reason", app->reason);
	return 0;
}
