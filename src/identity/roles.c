/* Ranks, roles and what each role may do. Rights follow the post: a rank brings its role in the
 * post's department; other roles are granted. Add a role: a row here and its text
 * identity.role.<name> in both catalogues. */
#include "identity/private.h"

#include <string.h>

static const char *const ranks[] = {
    [RANK_STAFF] = "係員",
    [RANK_CHIEF] = "係長",
    [RANK_SECTION] = "課長",
    [RANK_DIVISION] = "部長",
    [RANK_MAYOR] = "市長",
};
_Static_assert(COUNT(ranks) == RANK_COUNT, "a name for every rank");

int rank_parse(const char *name)
{
	for (int i = 0; i < RANK_COUNT; i++)
		if (text_eq(ranks[i], name))
			return i;
	return -1;
}

const char *rank_name(enum rank rank)
{
	return (int)rank >= 0 && rank < RANK_COUNT ? ranks[rank] : "";
}

/* What each role adds to a case's work, from reading to exporting. */
#define PERMS(...)                                                                                 \
	(const char *const[])                                                                      \
	{                                                                                          \
		__VA_ARGS__, NULL                                                                  \
	}
#define OF_CLERK                                                                                   \
	"application.read", "application.check", "application.counter", "application.forward",     \
	    "application.payment"
#define OF_CHIEF OF_CLERK, "application.decide", "application.dispose"
#define OF_MANAGER OF_CHIEF, "application.export", "document.revoke", "application.dispose_approve"

const struct role roles[] = {
    {"clerk", PERMS(OF_CLERK)},
    {"chief", PERMS(OF_CHIEF)},
    {"manager", PERMS(OF_MANAGER)},
    {"records",
        PERMS("application.read", "application.export", "document.revoke", "application.dispose",
            "application.dispose_approve"),
        .home = "/staff/records"},
    {"accounting", PERMS("application.read", "application.payment", "application.export")},
    {"procedures", PERMS("procedure.manage"), .whole_city = true, .home = "/staff/procedures"},
    {"operator", PERMS("operate", "procedure.manage"), .whole_city = true, .home = "/staff/jobs"},
    {"identity_admin", PERMS("identity.manage"), .whole_city = true, .home = "/staff/users"},
    {"auditor", PERMS("application.read", "application.export"), .home = "/journal"},
};
const int nroles = COUNT(roles);

int role_find(const char *name)
{
	for (int i = 0; i < nroles; i++)
		if (text_eq(roles[i].name, name))
			return i;
	return -1;
}

int role_of_rank(enum rank rank)
{
	return role_find(rank == RANK_STAFF ? "clerk" : rank == RANK_CHIEF ? "chief" : "manager");
}

bool role_has(int role, const char *perm)
{
	if (role < 0 || role >= nroles)
		return false;
	for (const char *const *p = roles[role].perms; *p; p++)
		if (strcmp(*p, perm) == 0)
			return true;
	return false;
}

bool roles_have(uint64_t bits, const char *perm)
{
	for (int i = 0; i < nroles; i++)
		if (bits >> i & 1 && role_has(i, perm))
			return true;
	return false;
}

/* What a post or a grant brings, and where. */
struct right {
	int role;
	int64_t department; /* 0: everywhere */
	bool reaches;       /* the departments below, too */
};
struct rights {
	struct right *list;
	int n, rc;
};

/* Reads the rows of RIGHTS_*: role or, when that is empty, rank; department. */
static struct rights *rights_read(struct rows *r, struct arena *a)
{
	struct rights *out = arena_new_of(a, struct rights);
	int cap = 0;
	out->rc = r ? 0 : -(int)ERR_STORE;
	while (r && (out->rc = rows_next(r)) > 0) {
		if (out->n == cap) {
			cap = cap ? cap * 2 : 8;
			struct right *more = arena_array(a, (size_t)cap, sizeof(*more));
			if (out->n)
				memcpy(more, out->list, (size_t)out->n * sizeof(*more));
			out->list = more;
		}
		struct str name = rows_str(r, 0);
		enum rank rank = (enum rank)rows_i64(r, 1);
		int role = name.n ? -1 : role_of_rank(rank);
		for (int i = 0; name.n && i < nroles; i++)
			if (str_is(name, roles[i].name))
				role = i;
		/* Granted for a department before that was refused: it must not reach further. */
		if (role >= 0 && roles[role].whole_city && rows_i64(r, 2))
			continue;
		out->list[out->n++] = (struct right){
		    .role = role,
		    .department = rows_i64(r, 2),
		    .reaches = name.n || rank >= RANK_SECTION,
		};
	}
	rows_end(r);
	return out;
}

/* department 0: those in any. Remembered while a page is made. rc < 0 tells a failure. */
static const struct rights *rights_of(
    struct db *db, struct arena *a, int64_t staff, int64_t department, struct err *err)
{
	static const char kept;
	int64_t key = (int64_t)((uint64_t)staff << 32 ^ (uint64_t)department);
	struct rights *rights = db_recall(db, &kept, key);
	if (rights)
		return rights;
	char day[DAY_SIZE];
	today(day);
	rights = rights_read(department
	                         ? db_query(db, err, SQL(RIGHTS_IN), "iit", staff, department, day)
	                         : db_query(db, err, SQL(RIGHTS_ANY), "it", staff, day),
	    db_memo(db) ? db_memo(db) : a);
	if (rights->rc == 0)
		db_remember(db, &kept, key, rights);
	return rights;
}

int staff_roles(struct db *db, int64_t staff, uint64_t *bits, struct err *err)
{
	struct arena *a = arena_new();
	const struct rights *rights = rights_of(db, a, staff, 0, err);
	int rc = rights->rc;
	*bits = 0;
	for (int i = 0; i < rights->n; i++)
		if (rights->list[i].role >= 0)
			*bits |= UINT64_C(1) << rights->list[i].role;
	arena_free(a);
	return rc;
}
const char *staff_home(struct db *db, int64_t staff)
{
	struct err err;
	uint64_t bits;
	const char *home = NULL;
	if (staff_roles(db, staff, &bits, &err) < 0)
		return "/staff";
	for (int i = 0; i < nroles; i++) {
		if (!(bits >> i & 1))
			continue;
		if (!roles[i].home)
			return "/staff";
		home = home ? home : roles[i].home;
	}
	return home ? home : "/staff";
}

_Static_assert(COUNT(roles) <= 64, "roles fit into a set of bits");

bool staff_may(struct db *db, int64_t staff, const char *perm, int64_t department)
{
	struct err err;
	struct arena *a = arena_new();
	const struct rights *rights = rights_of(db, a, staff, department, &err);
	bool may = false;
	for (int i = 0; i < rights->n && rights->rc == 0 && !may; i++) /* on an error: no */
		may = role_has(rights->list[i].role, perm);
	arena_free(a);
	return may;
}

int staff_departments(
    struct db *db, struct arena *a, int64_t staff, const char *perm, int64_t **ids, struct err *err)
{
	char day[DAY_SIZE];
	today(day);
	struct department *all;
	int n = department_tree(db, a, day, &all, err), found = 0;
	if (n < 0)
		return n;
	const struct rights *rights = rights_of(db, a, staff, 0, err);
	if (rights->rc < 0)
		return rights->rc;
	bool *in = arena_array(a, (size_t)n + 1, sizeof(*in));
	for (int j = 0; j < rights->n; j++) {
		const struct right *right = &rights->list[j];
		if (!role_has(right->role, perm))
			continue;
		for (int i = 0; i < n; i++) {
			if (right->department && all[i].id != right->department)
				continue;
			in[i] = true;
			/* The tree lists those below right after it. */
			for (int k = i + 1; right->reaches && k < n && all[k].depth > all[i].depth;
			     k++)
				in[k] = true;
		}
	}
	*ids = arena_array(a, (size_t)n + 1, sizeof(**ids));
	for (int i = 0; i < n; i++)
		if (in[i])
			(*ids)[found++] = all[i].id;
	return found;
}

int staff_to_ask(struct db *db, struct arena *a, const char *perm, enum rank rank,
    int64_t department, int64_t **staff, struct err *err)
{
	char day[DAY_SIZE];
	int64_t *lists[2];
	int sizes[2], n = 0;
	today(day);
	sizes[0] = staff_of_post(db, a, department, rank, &lists[0], err);
	sizes[1] = sizes[0] < 0
	               ? sizes[0]
	               : id_list(db_query(db, err, SQL(ROLE_HOLDERS), "ti", day, department), a,
	                     &lists[1]);
	if (sizes[1] < 0)
		return sizes[1];
	*staff = arena_array(a, (size_t)(sizes[0] + sizes[1]) + 1, sizeof(**staff));
	for (int k = 0; k < 2; k++)
		for (int i = 0; i < sizes[k]; i++) {
			bool known = false;
			for (int j = 0; j < n; j++)
				known = known || (*staff)[j] == lists[k][i];
			if (!known && staff_may(db, lists[k][i], perm, department))
				(*staff)[n++] = lists[k][i];
		}
	return n;
}
