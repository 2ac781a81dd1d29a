/* Ranks, roles and what each role may do. Rights follow the post: a rank brings its role in the
 * post's department; other roles are granted. Add a role: a row here and its text
 * identity.role.<name> in both catalogues; a city adds its own in custom/roles.yaml
 * (rights/file.c). */
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
	    "application.payment", "mandate.manage"
#define OF_CHIEF OF_CLERK, "application.decide", "application.dispose"
#define OF_MANAGER                                                                                 \
	OF_CHIEF, "emergency.review", "application.export", "document.revoke",                     \
	    "application.dispose_approve"

/* Who works on a case sees all of it but 個人番号, which is masked until it is asked for. */
#define CLASSES_CASE (1u << CLASS_BASIC | 1u << CLASS_PERSONAL | 1u << CLASS_SENSITIVE)
#define CLASSES_PERSON (1u << CLASS_BASIC | 1u << CLASS_PERSONAL)

static const struct role built_in[] = {
    {"clerk", PERMS(OF_CLERK), .classes = CLASSES_CASE},
    {"chief", PERMS(OF_CHIEF), .classes = CLASSES_CASE},
    {"manager", PERMS(OF_MANAGER), .classes = CLASSES_CASE},
    {"records",
        PERMS("application.read", "application.export", "document.revoke", "application.dispose",
            "application.dispose_approve"),
        .home = "/staff/records", .classes = CLASSES_CASE},
    {"accounting", PERMS("application.read", "application.payment", "application.export"),
        .classes = CLASSES_PERSON},
    {"procedures", PERMS("procedure.manage"), .whole_city = true, .home = "/staff/procedures"},
    {"operator", PERMS("operate", "procedure.manage"), .whole_city = true, .home = "/staff/jobs"},
    {"identity_check", PERMS("identity.prove"), .whole_city = true, .home = "/staff/residents"},
    {"identity_admin", PERMS("identity.manage", "identity.prove"), .whole_city = true,
        .home = "/staff/users"},
    {"security", PERMS("trail.search", "emergency.review"), .whole_city = true,
        .home = "/staff/trail"},
    {"protection", PERMS("protect.manage"), .whole_city = true, .home = "/staff/protection"},
    {"my_number", PERMS("application.read"), .classes = CLASSES_CASE | 1u << CLASS_NUMBER},
    {"auditor", PERMS("application.read", "application.export"), .home = "/journal",
        .classes = CLASSES_PERSON},
};
const struct role_set roles_built_in = {.list = built_in, .n = COUNT(built_in)};

int role_find(const struct role_set *set, const char *name)
{
	for (int i = 0; i < set->n; i++)
		if (text_eq(set->list[i].name, name))
			return i;
	return -1;
}

int role_of_post(const struct role_set *set, enum rank rank, struct str department)
{
	for (int i = 0; i < set->nposts; i++)
		if (set->posts[i].rank == (int)rank &&
		    (!set->posts[i].department || str_is(department, set->posts[i].department)))
			return set->posts[i].role;
	return role_find(set, rank == RANK_STAFF   ? "clerk"
	                      : rank == RANK_CHIEF ? "chief"
	                                           : "manager");
}

static bool listed(const char *const *list, const char *name)
{
	for (; *list; list++)
		if (strcmp(*list, name) == 0)
			return true;
	return false;
}

bool role_has(const struct role *role, const char *perm)
{
	return listed(role->perms, perm);
}

bool role_takes(const struct role *role, const char *procedure)
{
	return !role->procedures || !procedure || listed(role->procedures, procedure);
}

bool roles_have(const struct role_set *set, uint64_t bits, const char *perm)
{
	for (int i = 0; i < set->n; i++)
		if (bits >> i & 1 && role_has(&set->list[i], perm))
			return true;
	return false;
}

/* What a post or a grant brings, and where. */
struct right {
	int role;           /* of the set; -1: one that there is no more */
	int rank;           /* -1: granted */
	int64_t department; /* 0: everywhere */
	bool reaches;       /* the departments below, too */
	const char *source, *from, *until;
	int64_t officer;
};
struct rights {
	const struct role_set *set;
	struct right *list;
	int n, rc;
};

/* Reads the rows of RIGHTS_*. */
static struct rights *rights_read(const struct role_set *set, struct rows *r, struct arena *a)
{
	struct rights *out = arena_new_of(a, struct rights);
	int cap = 0;
	out->set = set;
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
		int role = name.n ? -1 : role_of_post(set, rank, rows_str(r, 3));
		for (int i = 0; name.n && i < set->n; i++)
			if (str_is(name, set->list[i].name))
				role = i;
		/* Granted for a department before that was refused: it must not reach further. */
		if (role < 0 || (set->list[role].whole_city && rows_i64(r, 2)))
			continue;
		out->list[out->n++] = (struct right){
		    .role = role,
		    .rank = name.n ? -1 : (int)rank,
		    .department = rows_i64(r, 2),
		    .reaches = name.n || rank >= RANK_SECTION,
		    .source = rows_dup(r, 4, a),
		    .from = rows_dup(r, 5, a),
		    .until = rows_dup(r, 6, a),
		    .officer = rows_i64(r, 7),
		};
	}
	rows_end(r);
	return out;
}

/* department 0: those in any. */
static struct rights *rights_under(struct db *db, struct arena *a, const struct role_set *set,
    int64_t staff, int64_t department, struct err *err)
{
	char day[DAY_SIZE];
	today(day);
	return rights_read(set,
	    department ? db_query(db, err, SQL(RIGHTS_IN), "iit", staff, department, day)
	               : db_query(db, err, SQL(RIGHTS_ANY), "it", staff, day),
	    a);
}

/* The same under the city's roles, remembered while a page is made. rc < 0 tells a failure. */
static const struct rights *rights_of(
    struct db *db, struct arena *a, int64_t staff, int64_t department, struct err *err)
{
	static const char kept;
	int64_t key = (int64_t)((uint64_t)staff << 32 ^ (uint64_t)department);
	struct rights *rights = db_recall(db, &kept, key);
	if (rights)
		return rights;
	rights =
	    rights_under(db, db_memo(db) ? db_memo(db) : a, roles_of(db), staff, department, err);
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
	const struct role_set *set = roles_of(db);
	for (int i = 0; i < set->n; i++) {
		if (!(bits >> i & 1))
			continue;
		if (!set->list[i].home)
			return "/staff";
		home = home ? home : set->list[i].home;
	}
	return home ? home : "/staff";
}

_Static_assert(COUNT(built_in) <= ROLES_MAX / 2, "roles fit into a set of bits");

static bool gives(
    const struct rights *rights, const struct right *r, const char *perm, const char *procedure)
{
	const struct role *role = &rights->set->list[r->role];
	return (!perm || role_has(role, perm)) && role_takes(role, procedure);
}

bool staff_may_in(
    struct db *db, int64_t staff, const char *perm, int64_t department, const char *procedure)
{
	struct err err;
	struct arena *a = arena_new();
	const struct rights *rights = rights_of(db, a, staff, department, &err);
	bool may = false;
	for (int i = 0; i < rights->n && rights->rc == 0 && !may; i++) /* on an error: no */
		may = gives(rights, &rights->list[i], perm, procedure);
	arena_free(a);
	return may;
}

bool staff_may(struct db *db, int64_t staff, const char *perm, int64_t department)
{
	return staff_may_in(db, staff, perm, department, NULL);
}

bool staff_may_all_procedures(struct db *db, int64_t staff, const char *perm)
{
	struct err err;
	struct arena *a = arena_new();
	const struct rights *rights = rights_of(db, a, staff, 0, &err);
	bool all = rights->rc == 0;
	for (int i = 0; i < rights->n && all; i++)
		all = !gives(rights, &rights->list[i], perm, NULL) ||
		      !rights->set->list[rights->list[i].role].procedures;
	arena_free(a);
	return all;
}

bool staff_works_in(
    struct db *db, int64_t staff, const char *perm, int64_t department, const char *procedure)
{
	struct err err;
	struct arena *a = arena_new();
	const struct rights *rights = rights_of(db, a, staff, department, &err);
	bool works = false;
	for (int i = 0; i < rights->n && rights->rc == 0 && department && !works; i++)
		works =
		    rights->list[i].department && gives(rights, &rights->list[i], perm, procedure);
	arena_free(a);
	return works;
}

unsigned staff_sees_classes(struct db *db, int64_t staff, int64_t department, const char *procedure)
{
	struct err err;
	struct arena *a = arena_new();
	const struct rights *rights = rights_of(db, a, staff, department, &err);
	unsigned classes = 1u << CLASS_BASIC;
	for (int i = 0; i < rights->n && rights->rc == 0; i++)
		if (gives(rights, &rights->list[i], "application.read", procedure))
			classes |= rights->set->list[rights->list[i].role].classes;
	arena_free(a);
	return classes;
}

/* Those of the rights that give it. */
static int explain(const struct rights *rights, struct arena *a, const char *perm,
    const char *procedure, struct right_reason **out)
{
	int n = 0;
	*out = arena_array(a, (size_t)rights->n + 1, sizeof(**out));
	for (int i = 0; i < rights->n && rights->rc == 0; i++) {
		const struct right *r = &rights->list[i];
		const struct role *role = &rights->set->list[r->role];
		if (gives(rights, r, perm, procedure))
			(*out)[n++] = (struct right_reason){.source = r->source,
			    .role = role->name,
			    .rank = r->rank,
			    .department = r->department,
			    .reaches = r->reaches,
			    .from = r->from,
			    .until = r->until,
			    .officer = r->officer,
			    .procedures = role->procedures};
	}
	return rights->rc < 0 ? rights->rc : n;
}

int right_explain(struct db *db, struct arena *a, int64_t staff, const char *perm,
    int64_t department, const char *procedure, struct right_reason **out, struct err *err)
{
	return explain(rights_of(db, a, staff, department, err), a, perm, procedure, out);
}

int right_explain_under(struct db *db, struct arena *a, const struct role_set *set, int64_t staff,
    struct right_reason **out, struct err *err)
{
	return explain(rights_under(db, a, set, staff, 0, err), a, NULL, NULL, out);
}

static const char *const class_names[] = {
    [CLASS_BASIC] = "basic",
    [CLASS_PERSONAL] = "personal",
    [CLASS_SENSITIVE] = "sensitive",
    [CLASS_NUMBER] = "my-number",
};
_Static_assert(COUNT(class_names) == CLASS_COUNT, "a name for every class");

const char *field_class_name(enum field_class c)
{
	return class_names[c];
}

int field_class_parse(const char *name)
{
	for (int i = 0; i < CLASS_COUNT; i++)
		if (text_eq(class_names[i], name))
			return i;
	return -1;
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
		if (!gives(rights, right, perm, NULL))
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
