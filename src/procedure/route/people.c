/* Who may act on a step of a route, who is asked, and who is passed over.
 *
 *  1. Nobody acts on their own draft, in no capacity.
 *  2. Posts are resolved each time, so that a change of office or organisation between drafting and
 *     decision counts; only names of those who acted are kept.
 *  3. A decider (and a consulted officer, who decides for the own department) who is absent is
 *     substituted by the deputy: 代決, with later review by the absent officer (後閲).
 *  4. A reviewer is never substituted but passed over when away: 後閲.
 *  5. A superior may take a reviewer's step (引上げ), and a decider's when nobody is left to
 * decide. */
#include "procedure/application/life.h"

#include "identity/identity.h"

bool step_is(const struct route_step *s, const char *state)
{
	return strcmp(s->state, state) == 0;
}

bool step_kind_is(const struct route_step *s, const char *kind)
{
	return strcmp(s->kind, kind) == 0;
}

/* Decides, in the own department or for all. */
static bool is_deciding(const struct route_step *s)
{
	return step_kind_is(s, "decide") || step_kind_is(s, "consult");
}

static bool among(const int64_t *staff, int n, int64_t who)
{
	for (int i = 0; i < n; i++)
		if (staff[i] == who)
			return true;
	return false;
}

static int holders_of(struct db *db, struct arena *a, const struct route_step *s, int64_t rank,
    int64_t **staff, struct err *err)
{
	return staff_of_post(db, a, s->department, (enum rank)rank, staff, err);
}

/* Is anybody there who decides in own right or as a deputy? */
static bool decider_there(
    struct db *db, const struct route_step *s, const int64_t *holders, int n, int64_t drafter)
{
	for (int i = 0; i < n; i++) {
		if (holders[i] == drafter)
			continue;
		if (!staff_is_absent(db, holders[i]))
			return true;
		int64_t deputy = staff_deputy_of(db, holders[i], s->department);
		if (deputy && deputy != drafter)
			return true;
	}
	return false;
}

static bool is_superior(struct db *db, struct arena *a, const struct route_step *s, int64_t staff)
{
	int64_t *above;
	struct err err;
	for (int64_t rank = s->post + 1; rank < RANK_COUNT; rank++) {
		int n = holders_of(db, a, s, rank, &above, &err);
		if (n > 0 && among(above, n, staff))
			return true;
	}
	return false;
}

enum route_right route_right_of(struct db *db, struct arena *a, const struct route_step *s,
    int64_t drafter, const struct app_actor *actor, int64_t *acting_for)
{
	struct err err;
	int64_t *holders, staff = actor->person;
	bool check = step_kind_is(s, "check");
	*acting_for = 0;
	if (staff == drafter ||
	    !actor_has(
	        db, actor, check ? "application.check" : "application.decide", s->department, NULL))
		return RIGHT_NONE;
	if (check)
		return RIGHT_OWN;
	int n = holders_of(db, a, s, s->post, &holders, &err);
	if (n < 0)
		return RIGHT_NONE;
	if (among(holders, n, staff))
		return RIGHT_OWN;
	for (int i = 0; i < n && is_deciding(s); i++)
		if (holders[i] != drafter && staff_is_absent(db, holders[i]) &&
		    staff_deputy_of(db, holders[i], s->department) == staff) {
			*acting_for = holders[i];
			return RIGHT_DEPUTY;
		}
	if (!is_superior(db, a, s, staff))
		return RIGHT_NONE;
	if (!is_deciding(s))
		return RIGHT_PULL_UP;
	return decider_there(db, s, holders, n, drafter) ? RIGHT_NONE : RIGHT_SUPERIOR;
}

int route_asked(struct db *db, struct arena *a, const struct route_step *s, int64_t drafter,
    int64_t **out, struct err *err)
{
	int64_t *holders, *above, *asked;
	int n = 0, nholders;
	if (step_kind_is(s, "check"))
		nholders = staff_of_department(db, a, s->department, &holders, err);
	else
		nholders = holders_of(db, a, s, s->post, &holders, err);
	if (nholders < 0)
		return nholders;
	asked = arena_array(a, (size_t)nholders + 1, sizeof(*asked));
	for (int i = 0; i < nholders; i++) {
		int64_t who = holders[i];
		if (who == drafter)
			continue;
		if (is_deciding(s) && staff_is_absent(db, who))
			who = staff_deputy_of(db, who, s->department);
		if (who && who != drafter && !among(asked, n, who))
			asked[n++] = who;
	}
	/* Nobody: the superiors are asked, the nearest that are there. */
	for (int64_t rank = s->post + 1; n == 0 && rank < RANK_COUNT; rank++) {
		int nabove = holders_of(db, a, s, rank, &above, err);
		if (nabove < 0)
			return nabove;
		asked = arena_array(a, (size_t)nabove + 1, sizeof(*asked));
		for (int i = 0; i < nabove; i++)
			if (above[i] != drafter && !staff_is_absent(db, above[i]))
				asked[n++] = above[i];
	}
	*out = asked;
	return n;
}

const char *route_skip_reason(
    struct db *db, struct arena *a, const struct route_step *s, int64_t drafter, int64_t *officer)
{
	int64_t *holders;
	struct err err;
	*officer = 0;
	if (!step_kind_is(s, "approve"))
		return NULL;
	int n = holders_of(db, a, s, s->post, &holders, &err);
	if (n < 0)
		return NULL;
	if (n == 0)
		return "vacant";
	for (int i = 0; i < n; i++) {
		if (holders[i] == drafter)
			continue;
		if (!staff_is_absent(db, holders[i])) {
			*officer = 0;
			return NULL;
		}
		if (!*officer)
			*officer = holders[i];
	}
	return *officer ? "absent" : "drafter";
}
