/* What a change of posts, grants or roles gives and takes: the reasons for rights before and after.
 */
#include "identity/rights/private.h"

static bool gives(const struct role_set *set, const struct right_reason *r, const char *perm)
{
	int i = role_find(set, r->role);
	return i >= 0 && role_has(&set->list[i], perm);
}

bool reason_gives(const struct rights_side *side, const struct right_reason *r, const char *perm)
{
	return gives(side->set, r, perm);
}

/* Is everything of `some` in `all` (NULL: every kind of record)? */
static bool kinds_within(const char *const *some, const char *const *all)
{
	if (!all)
		return true;
	for (; some && *some; some++) {
		bool found = false;
		for (const char *const *p = all; *p && !found; p++)
			found = text_eq(*p, *some);
		if (!found)
			return false;
	}
	return some != NULL;
}

/* Does a reason of the side give the permission wherever this one does? */
static bool covered(const struct right_reason *of, const char *perm, const struct rights_side *side)
{
	for (int i = 0; i < side->n; i++) {
		const struct right_reason *r = &side->list[i];
		if (gives(side->set, r, perm) &&
		    (r->department == 0 ||
		        (r->department == of->department && (r->reaches || !of->reaches))) &&
		    kinds_within(of->procedures, r->procedures))
			return true;
	}
	return false;
}

int rights_difference(struct arena *a, const struct rights_side *of,
    const struct rights_side *without, struct right_change **out)
{
	int n = 0, perms = 0;
	for (int m = 0; m < nmodules; m++)
		perms += modules[m]->nperms;
	*out = arena_array(a, (size_t)(perms * of->n) + 1, sizeof(**out));
	for (int m = 0; m < nmodules; m++)
		for (int k = 0; k < modules[m]->nperms; k++)
			for (int i = 0; i < of->n; i++) {
				const struct perm *perm = &modules[m]->perms[k];
				if (gives(of->set, &of->list[i], perm->name) &&
				    !covered(&of->list[i], perm->name, without))
					(*out)[n++] = (struct right_change){perm, &of->list[i]};
			}
	return n;
}

static unsigned classes_of(const struct rights_side *side)
{
	unsigned bits = 0;
	for (int i = 0; i < side->n; i++)
		if (gives(side->set, &side->list[i], "application.read"))
			bits |= side->set->list[role_find(side->set, side->list[i].role)].classes;
	return bits;
}

int roles_compare(struct db *db, const struct role_set *now, const struct role_set *then,
    int (*take)(void *arg, struct db *, const struct roles_change *, struct err *), void *arg,
    struct err *err)
{
	/* Not the request's: what is remembered there for a page must outlive a turn. */
	struct arena *a = arena_new();
	int64_t *staff;
	int n = id_list(db_query(db, err, SQL(STAFF_IDS), ""), a, &staff), rc = n < 0 ? n : 0;
	for (int i = 0; i < n && rc >= 0; i++) {
		struct arena_mark mark = arena_mark(a);
		struct right_reason *before, *after;
		struct roles_change c = {.staff = staff[i]};
		int nb = right_explain_under(db, a, now, staff[i], &before, err);
		int na = nb < 0 ? nb : right_explain_under(db, a, then, staff[i], &after, err);
		if (na < 0) {
			rc = na;
			break;
		}
		c.before = (struct rights_side){now, before, nb};
		c.after = (struct rights_side){then, after, na};
		c.ngained = rights_difference(a, &c.after, &c.before, &c.gained);
		c.nlost = rights_difference(a, &c.before, &c.after, &c.lost);
		unsigned was = classes_of(&c.before), is = classes_of(&c.after);
		c.shown = is & ~was;
		c.hidden = was & ~is;
		if (c.ngained || c.nlost || c.shown || c.hidden)
			rc = take(arg, db, &c, err);
		arena_release(a, mark);
	}
	arena_free(a);
	return rc;
}
