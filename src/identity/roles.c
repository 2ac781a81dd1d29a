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
#define OF_MANAGER                                                                                 \
	OF_CHIEF, "application.export", "document.revoke", "application.dispose_approve"

const struct role roles[] = {
    {"clerk", PERMS(OF_CLERK)},
    {"chief", PERMS(OF_CHIEF)},
    {"manager", PERMS(OF_MANAGER)},
    {"records", PERMS("application.read", "application.export", "document.revoke",
                    "application.dispose", "application.dispose_approve")},
    {"accounting", PERMS("application.read", "application.payment", "application.export")},
    {"procedures", PERMS("procedure.manage")},
    {"operator", PERMS("operate", "procedure.manage")},
    {"identity_admin", PERMS("identity.manage")},
    {"auditor", PERMS("application.read", "application.export")},
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

/* A row of RIGHTS_*: role or, when that is empty, rank. */
static int role_of_row(struct rows *r)
{
	struct str name = rows_str(r, 0);
	for (int i = 0; name.n && i < nroles; i++)
		if (str_is(name, roles[i].name))
			return i;
	return name.n ? -1 : role_of_rank((enum rank)rows_i64(r, 1));
}

int staff_roles(struct db *db, int64_t staff, uint64_t *bits, struct err *err)
{
	char day[DAY_SIZE];
	today(day);
	*bits = 0;
	struct rows *r = db_query(db, err, SQL(RIGHTS_ANY), "it", staff, day);
	int rc = r ? 0 : -(int)ERR_STORE;
	while (r && (rc = rows_next(r)) > 0) {
		int role = role_of_row(r);
		if (role >= 0)
			*bits |= UINT64_C(1) << role;
	}
	rows_end(r);
	return rc;
}
_Static_assert(COUNT(roles) <= 64, "roles fit into a set of bits");

bool staff_may(struct db *db, int64_t staff, const char *perm, int64_t department)
{
	char day[DAY_SIZE];
	struct err err;
	today(day);
	struct rows *r = department
	                     ? db_query(db, &err, SQL(RIGHTS_IN), "iit", staff, department, day)
	                     : db_query(db, &err, SQL(RIGHTS_ANY), "it", staff, day);
	bool may = false;
	while (r && !may && rows_next(r) > 0) /* on an error: no */
		may = role_has(role_of_row(r), perm);
	rows_end(r);
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
	bool *in = arena_array(a, (size_t)n + 1, sizeof(*in));
	struct rows *r = db_query(db, err, SQL(RIGHTS_ANY), "it", staff, day);
	int rc = r ? 0 : -(int)ERR_STORE;
	while (r && (rc = rows_next(r)) > 0) {
		if (!role_has(role_of_row(r), perm))
			continue;
		int64_t department = rows_i64(r, 2);
		bool reaches = rows_str(r, 0).n || rows_i64(r, 1) >= RANK_SECTION;
		for (int i = 0; i < n; i++) {
			if (department && all[i].id != department)
				continue;
			in[i] = true;
			/* The tree lists those below right after it. */
			for (int k = i + 1; reaches && k < n && all[k].depth > all[i].depth; k++)
				in[k] = true;
		}
	}
	rows_end(r);
	if (rc < 0)
		return rc;
	*ids = arena_array(a, (size_t)n + 1, sizeof(**ids));
	for (int i = 0; i < n; i++)
		if (in[i])
			(*ids)[found++] = all[i].id;
	return found;
}
