/* The route of a decision: 起案, 回議, 合議, 決裁.
 *
 * A decision that is drafted starts a round. Its steps are the definition's whose condition holds;
 * the line (check, approve) ends at the decider: where a delegation (専決) makes a lower post
 * decide, the posts from that one up are not asked. One stage is open at a time; a stage of
 * consultation has a member for each department.
 *
 *  1. A row of route_step leaves `waiting` and `open` once, and then never changes but for its
 * later review. What is sent back to gets a new row (pass + 1).
 *  2. An acting person meets an open row: the UPDATE names state 'open', so of two at once one
 * wins.
 *  3. The round ends with a decision, or with the draft back at the drafter (send_back, reject,
 *     objection, pull_back): then a new round begins from the start.
 *  4. An objection of a consulted department does not stop the others of the same stage; when all
 * have answered, the draft goes back with all of them. */
#include "procedure/application/life.h"
#include "procedure/my_number/my_number.h"

#include "identity/identity.h"

enum { STEPS_MAX = 64 };

/* --- reading --- */

int route_load(struct db *db, struct arena *a, int64_t application, int64_t round, bool all,
    struct route_step **out, struct err *err)
{
	struct rows *rows =
	    all ? db_query(db, err, &life_sql[SQL_STEP_ALL], "i", application)
	        : db_query(db, err, &life_sql[SQL_STEP_OF], "ii", application, round);
	int n = 0, cap = 16, rc;
	struct route_step *list = arena_array(a, (size_t)cap, sizeof(*list));
	if (!rows)
		return -(int)ERR_STORE;
	while ((rc = rows_next(rows)) == 1) {
		struct route_step s = {
		    .id = rows_i64(rows, 0),
		    .round = rows_i64(rows, 1),
		    .pass = rows_i64(rows, 2),
		    .stage = rows_i64(rows, 3),
		    .member = rows_i64(rows, 4),
		    .step = rows_dup(rows, 5, a),
		    .kind = rows_dup(rows, 6, a),
		    .parallel = rows_i64(rows, 7),
		    .department = rows_i64(rows, 8),
		    .post = rows_i64(rows, 9),
		    .delegated = rows_i64(rows, 10),
		    .state = rows_dup(rows, 11, a),
		    .skip = rows_dup(rows, 12, a),
		    .opened_us = rows_i64(rows, 13),
		    .acted_by = rows_i64(rows, 14),
		    .acting_for = rows_i64(rows, 15),
		    .acted_us = rows_i64(rows, 16),
		    .department_name = rows_dup(rows, 17, a),
		    .acted_name = rows_dup(rows, 18, a),
		    .acting_for_name = rows_dup(rows, 19, a),
		    .comment = rows_dup(rows, 20, a),
		    .review = rows_dup(rows, 21, a),
		    .review_by = rows_i64(rows, 22),
		    .review_name = rows_dup(rows, 23, a),
		    .review_us = rows_i64(rows, 24),
		};
		/* Ordered by stage and id: a newer pass of the same member replaces the older. */
		int at = n;
		for (int i = 0; i < n && !all; i++)
			if (list[i].stage == s.stage && list[i].member == s.member)
				at = i;
		if (at == cap) {
			struct route_step *more = arena_array(a, (size_t)cap * 2, sizeof(*more));
			memcpy(more, list, (size_t)cap * sizeof(*list));
			list = more;
			cap *= 2;
		}
		list[at] = s;
		n += at == n;
	}
	rows_end(rows);
	*out = list;
	return rc < 0 ? rc : n;
}

/* --- drafting --- */

struct round {
	struct db *db;
	struct arena *arena;
	struct app_row *row;
	struct route_step *steps;
	int n;
	struct err *err;
};

static int reload(struct round *rt)
{
	rt->n =
	    route_load(rt->db, rt->arena, rt->row->id, rt->row->round, false, &rt->steps, rt->err);
	return rt->n < 0 ? rt->n : 0;
}

static const char *def_text(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));
	return s ? s : "";
}

static int add_step(struct round *rt, const struct route_step *s)
{
	return db_later(rt->db, rt->err, &life_sql[SQL_STEP_ADD], "iiiiittiiii", rt->row->id,
	    rt->row->round, s->pass, s->stage, s->member, s->step, s->kind, s->parallel,
	    s->department, s->post, s->delegated);
}

static int find_department(struct round *rt, const char *name, int64_t *id)
{
	int rc = department_by_name(rt->db, name, id, rt->err);
	return rc > 0    ? 0
	       : rc == 0 ? err_set(rt->err, ERR_CONFLICT, "application.route.department",
	                       "the route names %s, which does not exist", name)
	                 : rc;
}

/* The post that decides: the first delegation whose condition holds, else the definition's. */
static int decider_post(struct round *rt, const struct procedure *proc, json_t *answers,
    const json_t *step, int64_t *post, int64_t *delegated)
{
	size_t i;
	json_t *d;
	*post = rank_parse(def_text(step, "post"));
	*delegated = 0;
	json_array_foreach(json_object_get(step, "delegated"), i, d)
	{
		bool yes = false;
		int rc = row_eval(proc, rt->row, answers, def_text(d, "when"), &yes, rt->err);
		if (rc < 0)
			return rc;
		if (yes) {
			*post = rank_parse(def_text(d, "post"));
			*delegated = 1;
			return 0;
		}
	}
	return 0;
}

static int add_consult(struct round *rt, struct route_step *s, const json_t *def)
{
	size_t i;
	json_t *name;
	json_array_foreach(json_object_get(def, "departments"), i, name)
	{
		int rc = find_department(rt, json_string_value(name), &s->department);
		if (rc < 0)
			return rc;
		/* Asking oneself makes no sense. */
		if (s->department == rt->row->department)
			continue;
		s->member = (int64_t)i;
		rc = add_step(rt, s);
		if (rc < 0)
			return rc;
	}
	return 0;
}

/* Writes the rows of a new round. */
static int write_steps(struct round *rt, const struct procedure *proc, json_t *answers)
{
	json_t *steps = json_object_get(json_object_get(procedure_json(proc), "route"), "steps"),
	       *def;
	size_t i, n = json_array_size(steps);
	int64_t decider = RANK_COUNT, delegated = 0;
	if (n == 0 || n > STEPS_MAX)
		return err_set(rt->err, ERR_INTERNAL, NULL, "%s has no route", procedure_id(proc));
	def = json_array_get(steps, n - 1);
	int rc = decider_post(rt, proc, answers, def, &decider, &delegated);
	json_array_foreach(steps, i, def)
	{
		bool wanted = true, decide = strcmp(def_text(def, "kind"), "decide") == 0;
		struct route_step s = {.pass = 1,
		    .stage = (int64_t)i,
		    .step = def_text(def, "id"),
		    .kind = def_text(def, "kind"),
		    .department = rt->row->department,
		    .post = decide ? decider : rank_parse(def_text(def, "post")),
		    .delegated = decide ? delegated : 0,
		    .parallel = !json_is_false(json_object_get(def, "parallel"))};
		if (rc == 0)
			rc = row_eval(
			    proc, rt->row, answers, def_text(def, "when"), &wanted, rt->err);
		if (rc == 0 && def_text(def, "department")[0])
			rc = find_department(rt, def_text(def, "department"), &s.department);
		if (rc < 0)
			return rc;
		if (!wanted)
			continue;
		if (step_kind_is(&s, "consult")) {
			s.post = def_text(def, "post")[0] ? s.post : RANK_SECTION;
			rc = add_consult(rt, &s, def);
		} else if (!step_kind_is(&s, "approve") || s.post < decider ||
		           s.department != rt->row->department) {
			rc = add_step(rt, &s);
		}
	}
	return rc;
}

/* --- moving on --- */

static int step_open(struct round *rt, struct route_step *s)
{
	s->opened_us = now_us();
	s->state = "open";
	return db_later(rt->db, rt->err, &life_sql[SQL_STEP_OPEN], "ii", s->id, s->opened_us);
}

static int step_skip(struct round *rt, struct route_step *s, const char *why, int64_t officer)
{
	const char *department = department_name(rt->db, rt->arena, s->department, rt->err);
	const char *name = officer ? staff_name(rt->db, rt->arena, officer, rt->err) : NULL;
	s->state = "skipped";
	s->skip = why;
	return db_later(rt->db, rt->err, &life_sql[SQL_STEP_SKIP], "itittit", s->id, why, now_us(),
	    department, officer ? "needed" : "none", officer, name);
}

/* By its state: the member has spoken, or needs not. */
static bool step_done(const struct route_step *s)
{
	return !step_is(s, "waiting") && !step_is(s, "open");
}

enum progress { PROGRESS_OPEN, PROGRESS_OBJECTED, PROGRESS_DONE };

/* Opens what comes next and passes over who is away. */
static int advance(struct round *rt, enum progress *progress)
{
	for (int i = 0; i < rt->n;) {
		int64_t stage = rt->steps[i].stage;
		int end = i;
		bool open = false, objected = false;
		while (end < rt->n && rt->steps[end].stage == stage)
			end++;
		for (int k = i; k < end; k++) {
			struct route_step *s = &rt->steps[k];
			int rc = 0;
			if (step_is(s, "waiting") && (s->parallel || !open))
				rc = step_open(rt, s);
			if (rc == 0 && step_is(s, "open")) {
				int64_t officer;
				const char *why = route_skip_reason(
				    rt->db, rt->arena, s, rt->row->drafter, &officer);
				if (why)
					rc = step_skip(rt, s, why, officer);
			}
			if (rc < 0)
				return rc;
			open = open || !step_done(s);
			objected = objected || step_is(s, "objected");
		}
		if (open || objected) {
			*progress = open ? PROGRESS_OPEN : PROGRESS_OBJECTED;
			return 0;
		}
		i = end;
	}
	*progress = PROGRESS_DONE;
	return 0;
}

/* The inbox of those whom the open steps wait for. */
static int turns_write(struct round *rt)
{
	int64_t n = db_run(rt->db, rt->err, &life_sql[SQL_TURN_CLEAR], "it", rt->row->id, "turn");
	bool asked = false;
	for (int i = 0; i < rt->n && n >= 0; i++) {
		int64_t *staff;
		if (!step_is(&rt->steps[i], "open"))
			continue;
		int count = route_asked(
		    rt->db, rt->arena, &rt->steps[i], rt->row->drafter, &staff, rt->err);
		if (count < 0)
			return count;
		for (int k = 0; k < count && n >= 0; k++)
			n = db_run(rt->db, rt->err, &life_sql[SQL_TURN_ADD], "itii", staff[k],
			    "turn", rt->row->id, order_key_of(rt->row));
		asked = asked || count > 0;
	}
	return n < 0 ? (int)n : asked ? tell_staff(rt->db, rt->row, "turn", rt->err) : 0;
}

/* After a decision: who reads it afterwards. */
static int reviews_write(struct round *rt)
{
	int rc = reload(rt);
	for (int i = 0; i < rt->n && rc == 0; i++) {
		const struct route_step *s = &rt->steps[i];
		if (strcmp(s->review, "needed") != 0 || s->review_by == 0)
			continue;
		int64_t n = db_run(rt->db, rt->err, &life_sql[SQL_TURN_ADD], "itii", s->review_by,
		    "review", rt->row->id, -(now_us() / 1000000));
		rc = n < 0 ? (int)n : 0;
	}
	return rc;
}

int route_void(struct db *db, struct app_row *r, struct err *err)
{
	if (!(r->kids & KID_ROUTE))
		return 0;
	int64_t n = db_run(db, err, &life_sql[SQL_TURN_CLEAR], "it", r->id, "turn");
	if (n >= 0 && r->decided_us == 0) {
		n = db_run(db, err, &life_sql[SQL_STEP_VOID], "ii", r->id, r->round);
		if (n >= 0)
			n = db_run(db, err, &life_sql[SQL_STEP_REVIEW], "ii", r->id, r->round);
	}
	return n < 0 ? (int)n : 0;
}

int route_move(
    struct db *db, struct arena *a, struct app_row *r, int64_t from, int64_t to, struct err *err)
{
	int64_t n =
	    db_run(db, err, &life_sql[SQL_STEP_DEPARTMENT], "iiii", r->id, r->round, from, to);
	bool passed;
	return n < 0 ? (int)n : route_refresh(db, a, r, &passed, err);
}

int route_refresh(struct db *db, struct arena *a, struct app_row *r, bool *passed, struct err *err)
{
	struct round rt = {.db = db, .arena = a, .row = r, .err = err};
	enum progress p;
	int rc = reload(&rt), skipped = 0;
	for (int i = 0; i < rt.n; i++)
		skipped -= step_is(&rt.steps[i], "skipped");
	if (rc < 0 || (rc = advance(&rt, &p)) < 0)
		return rc;
	for (int i = 0; i < rt.n; i++)
		skipped += step_is(&rt.steps[i], "skipped");
	*passed = skipped > 0;
	return turns_write(&rt);
}

bool route_waits_for(
    struct db *db, struct arena *a, const struct app_row *r, const struct app_actor *actor)
{
	struct route_step *steps;
	struct err err;
	int64_t acting_for;
	if (!(r->kids & KID_ROUTE))
		return false;
	if (row_state(r) != APP_APPROVAL) {
		int64_t one; /* a later review */
		return db_get_i64(db, &err, &one, &life_sql[SQL_TURN_HAS], "iti", actor->person,
		           "review", r->id) == 1;
	}
	int n = route_load(db, a, r->id, r->round, false, &steps, &err);
	for (int i = 0; i < n; i++)
		if (step_is(&steps[i], "open") &&
		    route_right_of(db, a, &steps[i], r->drafter, actor, &acting_for) != RIGHT_NONE)
			return true;
	return false;
}

bool route_knows(struct db *db, int64_t application, int64_t staff)
{
	struct err err;
	int64_t one;
	return db_get_i64(db, &err, &one, &life_sql[SQL_TURN_HAS], "iti", staff, "turn",
	           application) == 1 ||
	       db_get_i64(db, &err, &one, &life_sql[SQL_STEP_KNOWN], "ii", application, staff) == 1;
}

/* --- drafting the decision --- */

/* Freezes who acted, by what right, with what result. */
static int step_act(struct round *rt, struct route_step *s, const struct app_actor *actor,
    const char *state, int64_t acting_for, const char *comment)
{
	const char *department = department_name(rt->db, rt->arena, s->department, rt->err);
	const char *name = staff_name(rt->db, rt->arena, actor->person, rt->err);
	const char *for_name =
	    acting_for ? staff_name(rt->db, rt->arena, acting_for, rt->err) : NULL;
	bool later = acting_for && strcmp(state, "approved") == 0;
	int64_t n = db_run(rt->db, rt->err, &life_sql[SQL_STEP_ACT], "itiiitttttit", s->id, state,
	    actor->person, acting_for, now_us(), department, name, for_name,
	    comment && comment[0] ? comment : NULL, later ? "needed" : "none",
	    later ? acting_for : 0, later ? for_name : NULL);
	if (n == 0)
		return err_set(rt->err, ERR_CONFLICT, "application.route.taken",
		    "step %" PRId64 " is not open any more", s->id);
	s->state = state;
	s->acted_by = actor->person;
	return n < 0 ? (int)n : 0;
}

static int start(struct change *c, const struct procedure *proc, json_t *answers, struct err *err)
{
	struct round rt = {.db = c->db, .arena = c->arena, .row = c->row, .err = err};
	enum progress p;
	int rc = write_steps(&rt, proc, answers);
	if (rc < 0 || (rc = reload(&rt)) < 0)
		return rc;
	if (rt.n == 0)
		return err_set(err, ERR_INTERNAL, NULL, "%s: no step is left", procedure_id(proc));
	/* Drafting is the check of the form that the definition begins with. */
	struct route_step *first = &rt.steps[0];
	if (first->stage == 0 && step_kind_is(first, "check") &&
	    first->department == c->row->department)
		rc = step_open(&rt, first) < 0
		         ? -(int)ERR_STORE
		         : step_act(&rt, first, c->actor, "approved", 0, NULL);
	if (rc < 0 || (rc = advance(&rt, &p)) < 0)
		return rc;
	return turns_write(&rt);
}

/* What the office found, in the answers under "findings"; the page has said all that is wrong
 * before. */
static int findings_set(struct change *c, const struct procedure *proc, json_t *answers,
    const json_t *findings, struct err *err)
{
	struct form_problem *problems;
	struct form_context ctx = {.lang = "ja",
	    .applicant_kind = c->row->applicant_kind,
	    .today = date_of_us(now_us()),
	    .fee_yen = c->row->fee_yen,
	    .outcome = c->row->outcome};
	if (!procedure_has_findings(proc))
		return 0;
	json_object_set_new(
	    answers, "findings", findings ? json_deep_copy(findings) : json_object());
	if (form_section_check(proc, c->arena, FORM_FINDINGS, &ctx, answers, &problems) > 0)
		return err_field(err, ERR_INPUT, problems[0].field,
		    problems[0].msgkey ? problems[0].msgkey : "application.invalid", "%s is wrong",
		    problems[0].field);
	row_set_answers(c->arena, c->row, answers);
	return 0;
}

int route_start(struct db *db, struct arena *a, const struct app_actor *actor,
    const struct procedure *proc, int64_t id, const char *outcome, const char *reason,
    const json_t *findings, struct err *err)
{
	struct change c;
	json_t *answers;
	bool refused = text_eq(outcome, "refused");
	int rc = change_begin(&c, db, a, actor, id, "draft_decision", err);
	if (rc < 0)
		return rc;
	if (!refused && !text_eq(outcome, "granted"))
		return err_field(
		    err, ERR_INPUT, "outcome", "application.route.no_outcome", "no outcome");
	/* Who is refused is told why at the same time: 行政手続法第8条. */
	if ((rc = text_check("reason", reason, refused, err)) < 0)
		return rc;
	if (c.row->place && strcmp(c.row->place, "waiting") == 0 && !refused)
		return err_set(err, ERR_CONFLICT, "application.route.no_place",
		    "application %" PRId64 " is on the waiting list", id);
	c.row->outcome = refused ? "refused" : "granted";
	c.row->reason = reason && reason[0] ? reason : NULL;
	c.row->drafter = actor->person;
	c.row->round++;
	c.row->kids |= KID_ROUTE;
	if (c.row->assignee == 0)
		c.row->assignee = actor->person;
	if ((rc = row_answers(c.row, &answers, err)) < 0)
		return rc;
	if (!refused && number_check_missing(proc, c.row->kids, answers))
		rc = err_field(err, ERR_INPUT, "outcome", "application.number.unchecked",
		    "the number of application %" PRId64 " was not checked", id);
	if (rc == 0)
		rc = findings_set(&c, proc, answers, findings, err);
	if (rc == 0)
		rc = start(&c, proc, answers, err);
	json_decref(answers);
	if (rc < 0)
		return rc;
	return change_end(&c, "application.decision_drafted",
	    json_pack("{s:s, s:s?, s:I}", "outcome", c.row->outcome, "reason", c.row->reason,
	        "round", (json_int_t)c.row->round),
	    err);
}

/* --- acting --- */

/* Back to the drafter: the round is over. */
static int to_drafter(struct change *c, struct err *err)
{
	int rc = route_void(c->db, c->row, err);
	c->to = APP_REVIEWING;
	c->row->outcome = NULL;
	c->row->drafter = 0;
	return rc;
}

static int decided(struct change *c, struct round *rt, const struct procedure *proc,
    const struct route_step *s, int64_t acting_for)
{
	struct app_row *r = c->row;
	bool granted = strcmp(r->outcome, "granted") == 0;
	bool waits = granted && r->fee_before && r->fee_yen > r->paid_yen;
	c->to = waits ? APP_PAYMENT : granted ? APP_GRANTED : APP_REFUSED;
	r->state = app_state_name(c->to);
	int rc = turns_write(rt);
	if (rc == 0)
		rc = reviews_write(rt);
	if (rc == 0 && waits)
		rc = charge_make(c->db, r, rt->err);
	else if (rc == 0)
		rc = effects_run(c->db, c->arena, proc, r, rt->err);
	if (rc < 0)
		return rc;
	rc = change_end(c, "application.decided",
	    json_pack("{s:s, s:s?, s:s, s:b, s:b}", "outcome", r->outcome, "reason", r->reason,
	        "post", rank_name((enum rank)s->post), "delegated", (int)s->delegated, "acting",
	        acting_for != 0),
	    rt->err);
	return rc < 0 || !waits ? rc : tell_applicant(c->db, c->arena, r, "payment", NULL, rt->err);
}

/* The open step the actor acts on: in own right before as a deputy before as a superior. */
static struct route_step *open_step_for(
    struct round *rt, const struct app_actor *actor, enum route_right *right, int64_t *acting_for)
{
	struct route_step *best = NULL;
	*right = RIGHT_NONE;
	for (int i = 0; i < rt->n; i++) {
		int64_t who;
		if (!step_is(&rt->steps[i], "open"))
			continue;
		enum route_right r =
		    route_right_of(rt->db, rt->arena, &rt->steps[i], rt->row->drafter, actor, &who);
		if (r != RIGHT_NONE && (!best || r < *right)) {
			best = &rt->steps[i];
			*right = r;
			*acting_for = who;
		}
	}
	return best;
}

static int64_t holder_of(struct round *rt, const struct route_step *s)
{
	int64_t *holders;
	int n =
	    staff_of_post(rt->db, rt->arena, s->department, (enum rank)s->post, &holders, rt->err);
	for (int i = 0; i < n; i++)
		if (holders[i] != rt->row->drafter)
			return holders[i];
	return 0;
}

/* 引上げ: passes over the reviewers below, up to the actor's own step. *s is that step, NULL when
 * consulted departments come first. */
static int pull_up(struct round *rt, const struct app_actor *actor, struct route_step **s)
{
	enum route_right right = RIGHT_PULL_UP;
	int64_t acting_for;
	while (*s && right == RIGHT_PULL_UP) {
		enum progress p;
		int rc = step_skip(rt, *s, "pulled_up", holder_of(rt, *s));
		if (rc < 0 || (rc = advance(rt, &p)) < 0)
			return rc;
		*s = open_step_for(rt, actor, &right, &acting_for);
		if (*s && step_kind_is(*s, "consult"))
			*s = NULL;
	}
	if (*s && right != RIGHT_OWN)
		*s = NULL;
	return 0;
}

static int pulled_up(struct change *c, struct round *rt)
{
	int rc = turns_write(rt);
	return rc < 0 ? rc : change_end(c, "application.pulled_up", NULL, rt->err);
}

static json_t *act_data(const struct route_step *s, int64_t acting_for, bool pulled)
{
	return json_pack("{s:s, s:s, s:s, s:I, s:b, s:b}", "step", s->step, "kind", s->kind, "post",
	    rank_name((enum rank)s->post), "department", (json_int_t)s->department, "acting",
	    acting_for != 0, "pulled_up", (int)pulled);
}

static int approve(struct change *c, struct round *rt, const struct procedure *proc,
    struct route_step *s, enum route_right right, int64_t acting_for, const char *comment)
{
	bool pulled = right == RIGHT_PULL_UP;
	enum progress p;
	int rc = pulled ? pull_up(rt, c->actor, &s) : 0;
	if (rc < 0)
		return rc;
	if (!s)
		return pulled_up(c, rt);
	rc = step_act(rt, s, c->actor, "approved", acting_for, comment);
	if (rc < 0 || (rc = advance(rt, &p)) < 0)
		return rc;
	if (p == PROGRESS_DONE)
		return decided(c, rt, proc, s, acting_for);
	if (p == PROGRESS_OBJECTED) {
		rc = to_drafter(c, rt->err);
		return rc < 0 ? rc
		              : change_end(c, "application.returned",
		                    act_data(s, acting_for, pulled), rt->err);
	}
	rc = turns_write(rt);
	return rc < 0 ? rc
	              : change_end(
	                    c, "application.approved", act_data(s, acting_for, pulled), rt->err);
}

static int object(struct change *c, struct round *rt, struct route_step *s, int64_t acting_for,
    const char *comment)
{
	enum progress p;
	int rc = step_act(rt, s, c->actor, "objected", acting_for, comment);
	if (rc < 0 || (rc = advance(rt, &p)) < 0)
		return rc;
	rc = p == PROGRESS_OBJECTED ? to_drafter(c, rt->err) : turns_write(rt);
	if (rc < 0)
		return rc;
	if (p == PROGRESS_OBJECTED)
		return change_end(
		    c, "application.returned", act_data(s, acting_for, false), rt->err);
	c->to = APP_APPROVAL;
	return change_end(c, "application.objected", act_data(s, acting_for, false), rt->err);
}

static int scrap(struct change *c, struct round *rt, struct route_step *s, int64_t acting_for,
    const char *comment)
{
	int rc = step_act(rt, s, c->actor, "rejected", acting_for, comment);
	if (rc < 0 || (rc = to_drafter(c, rt->err)) < 0)
		return rc;
	return change_end(c, "application.rejected", act_data(s, acting_for, false), rt->err);
}

/* New rows for the steps from `to` on: what they said before stays. */
static int reopen_from(struct round *rt, int64_t to)
{
	struct route_step *old = rt->steps;
	int n = rt->n, rc = 0;
	int64_t pass = 0, done = db_run(rt->db, rt->err, &life_sql[SQL_STEP_VOID], "ii",
	                      rt->row->id, rt->row->round);
	if (done < 0)
		return (int)done;
	for (int i = 0; i < n; i++)
		if (old[i].pass > pass)
			pass = old[i].pass;
	for (int i = 0; i < n && rc == 0; i++)
		if (old[i].stage >= to) {
			struct route_step s = old[i];
			s.pass = pass + 1;
			rc = add_step(rt, &s);
		}
	return rc < 0 ? rc : reload(rt);
}

static int send_back(struct change *c, struct round *rt, struct route_step *s, int64_t acting_for,
    int64_t to_step, const char *comment)
{
	enum progress p;
	int rc = 0;
	bool known = false;
	/* The drafter's own check is the drafter. */
	bool drafter =
	    to_step < 0 || (to_step == 0 && rt->n > 0 && rt->steps[0].acted_by == rt->row->drafter);
	for (int i = 0; i < rt->n; i++)
		known = known || rt->steps[i].stage == to_step;
	if (!drafter && (!known || to_step >= s->stage))
		return err_field(rt->err, ERR_INPUT, "to_step", "application.route.to_step",
		    "no earlier step %" PRId64, to_step);
	rc = step_act(rt, s, c->actor, "returned", acting_for, comment);
	if (rc < 0)
		return rc;
	if (drafter) {
		rc = to_drafter(c, rt->err);
		return rc < 0 ? rc
		              : change_end(c, "application.returned",
		                    act_data(s, acting_for, false), rt->err);
	}
	if ((rc = reopen_from(rt, to_step)) < 0 || (rc = advance(rt, &p)) < 0 ||
	    (rc = turns_write(rt)) < 0)
		return rc;
	c->to = APP_APPROVAL;
	json_t *data = act_data(s, acting_for, false);
	json_object_set_new(data, "to_step", json_integer(to_step));
	return change_end(c, "application.sent_back", data, rt->err);
}

static int comment_add(struct change *c, const char *comment, struct err *err)
{
	const char *author = staff_name(c->db, c->arena, c->actor->person, err);
	int64_t n = db_run(c->db, err, &life_sql[SQL_MESSAGE_ADD], "itttti", c->row->id, "note",
	    c->actor->id, author ? author : "", comment, now_us());
	c->row->kids |= KID_MESSAGE;
	return n < 0 ? (int)n : 0;
}

static int comment_only(struct change *c, const char *comment, struct err *err)
{
	int rc = comment_add(c, comment, err);
	return rc < 0 ? rc : change_end(c, "application.commented", NULL, err);
}

static int pull_back(struct change *c, struct round *rt, const char *comment)
{
	for (int i = 0; i < rt->n; i++) {
		const struct route_step *s = &rt->steps[i];
		if ((s->acted_by && s->acted_by != rt->row->drafter) ||
		    (s->skip && strcmp(s->skip, "pulled_up") == 0) || s->pass > 1)
			return err_set(rt->err, ERR_CONFLICT, "application.route.acted",
			    "somebody acted on application %" PRId64, rt->row->id);
	}
	/* There is no step of the drafter's to keep the words in. */
	int rc = comment && comment[0] ? comment_add(c, comment, rt->err) : 0;
	if (rc < 0 || (rc = to_drafter(c, rt->err)) < 0)
		return rc;
	return change_end(c, "application.pulled_back", NULL, rt->err);
}

int route_act(struct db *db, struct arena *a, const struct app_actor *actor,
    const struct procedure *proc, int64_t id, const char *action, int64_t to_step,
    const char *comment, struct err *err)
{
	static const char *const actions[] = {
	    "approve", "send_back", "reject", "pull_back", "comment"};
	struct change c;
	struct round rt = {.db = db, .arena = a, .err = err};
	enum route_right right;
	int64_t acting_for = 0;
	bool known = false;
	for (size_t i = 0; i < COUNT(actions); i++)
		known = known || text_eq(actions[i], action);
	if (!known)
		return err_field(err, ERR_INPUT, "action", "application.invalid", "no such action");
	int rc = change_begin(&c, db, a, actor, id, action, err);
	if (rc < 0)
		return rc;
	bool words = strcmp(action, "approve") != 0 && strcmp(action, "pull_back") != 0;
	if ((rc = text_check("comment", comment, words, err)) < 0)
		return rc;
	rt.row = c.row;
	if (strcmp(action, "comment") == 0)
		return comment_only(&c, comment, err);
	if ((rc = reload(&rt)) < 0)
		return rc;
	if (strcmp(action, "pull_back") == 0)
		return pull_back(&c, &rt, comment);
	struct route_step *s = open_step_for(&rt, actor, &right, &acting_for);
	if (!s)
		return c.row->drafter == actor->person
		           ? err_set(err, ERR_DENIED, "application.route.own_draft",
		                 "%s drafted application %" PRId64, actor->id, id)
		           : err_set(err, ERR_DENIED, "application.route.not_yours",
		                 "no open step of application %" PRId64 " is for %s", id,
		                 actor->id);
	if (strcmp(action, "approve") == 0)
		return approve(&c, &rt, proc, s, right, acting_for, comment);
	if (strcmp(action, "send_back") == 0)
		return send_back(&c, &rt, s, acting_for, to_step, comment);
	return step_kind_is(s, "consult") ? object(&c, &rt, s, acting_for, comment)
	                                  : scrap(&c, &rt, s, acting_for, comment);
}

/* --- 後閲 --- */

int route_review(struct db *db, const struct app_actor *actor, int64_t id, struct err *err)
{
	struct change c;
	struct route_step *steps;
	struct arena *a = arena_new();
	int done = 0, n = 0;
	int rc = change_begin(&c, db, a, actor, id, "review", err);
	if (rc == 0 && !scope_allows(actor->scopes, "application.decide"))
		rc = err_set(err, ERR_DENIED, "application.denied", "the token may not decide");
	if (rc == 0)
		rc = n = route_load(db, a, id, c.row->round, false, &steps, err);
	for (int i = 0; i < n && rc >= 0; i++) {
		if (strcmp(steps[i].review, "needed") != 0 || steps[i].review_by != actor->person)
			continue;
		int64_t ran = db_run(db, err, &life_sql[SQL_STEP_REVIEWED], "iiti", steps[i].id,
		    actor->person, staff_name(db, a, actor->person, err), now_us());
		rc = ran < 0 ? (int)ran : 0;
		done++;
	}
	if (rc >= 0 && done == 0)
		rc = err_set(err, ERR_DENIED, "application.route.not_yours",
		    "no later review of application %" PRId64 " is for %s", id, actor->id);
	if (rc >= 0) {
		int64_t ran = db_run(
		    db, err, &life_sql[SQL_TURN_CLEAR_ONE], "iti", actor->person, "review", id);
		rc = ran < 0 ? (int)ran
		             : change_end(&c, "application.reviewed",
		                   json_pack("{s:i}", "steps", done), err);
	}
	arena_free(a);
	return rc < 0 ? rc : 0;
}
