/* People, departments, posts, rights: on every store. */
#include "identity/private.h"

#include "base/time.h"
#include "store/private.h" /* migrate_to() */
#include "store/test_store.h"

/* The day on which most of the tests stand. */
#define NOON INT64_C(1795143600000000) /* 2026-11-20 12:00 in Japan */

static void write_ok(struct store *st, store_write_fn fn, void *arg)
{
	struct err err = {0};
	if (store_write(st, fn, arg, &err) < 0)
		fail_msg("%s %s", err.msg ? err.msg : "", err.detail);
}

static struct db *reader(struct store *st)
{
	struct err err = {0};
	struct db *db = store_reader(st, &err);
	if (!db)
		fail_msg("%s", err.detail);
	return db;
}

/* --- residents --- */

struct residents {
	int64_t account, person, other, other_person;
	int taken;
};

static int add_residents(struct db *db, void *arg, struct err *err)
{
	struct residents *r = arg;
	json_t *profile =
	    json_pack("{s:{s:s,s:s}, s:{s:s,s:s}, s:s}", "name", "family", "香川", "given", "花子",
	        "furigana", "family", "カガワ", "given", "ハナコ", "birthday", "1990-04-01");
	int rc = resident_add(
	    db, "Hanako@Example.jp", "hash", profile, "en", &r->account, &r->person, err);
	struct err taken;
	if (rc == 0)
		r->taken = resident_add(db, "ｈａｎａｋｏ@example.JP", "hash", profile, "ja",
		    &r->other, &r->other_person, &taken);
	if (rc == 0)
		rc = staff_add(db, "hanako@example.jp", NULL, "香川 花子", &r->other,
		    &r->other_person, err); /* the other kind: not the same login */
	json_decref(profile);
	return rc;
}

static int change_resident(struct db *db, void *arg, struct err *err)
{
	struct residents *r = arg;
	int rc = account_set_password(db, "system", r->account, "new hash", err);
	if (rc == 0)
		rc = account_set_login(
		    db, "system", r->account, "hanako2@example.jp", "hanako2@example.jp", err);
	if (rc == 0)
		rc = account_set_state(db, "system", r->account, "locked", err);
	return rc;
}

static int close_resident(struct db *db, void *arg, struct err *err)
{
	struct residents *r = arg;
	return account_close(db, "system", r->account, err);
}

static int reopen_resident(struct db *db, void *arg, struct err *err)
{
	struct residents *r = arg;
	struct err closed;
	r->taken = account_set_state(db, "system", r->account, "active", &closed);
	json_t *none = json_object();
	int rc = resident_add(
	    db, "hanako2@example.jp", "hash", none, "ja", &r->other, &r->other_person, err);
	json_decref(none);
	return rc;
}

static void residents(struct store *st)
{
	struct residents r = {0};
	struct arena *a = arena_new();
	struct err err;
	write_ok(st, add_residents, &r);
	assert_int_equal(r.taken, -(int)ERR_CONFLICT);
	struct db *db = reader(st);
	json_t *profile;
	assert_int_equal(person_profile(db, a, r.person, &profile, &err), 0);
	assert_string_equal(
	    json_string_value(json_object_get(json_object_get(profile, "name"), "family")), "香川");
	assert_string_equal(
	    json_string_value(json_object_get(profile, "email")), "Hanako@Example.jp");
	assert_int_equal(person_profile(db, a, 999, &profile, &err), 0);
	assert_null(profile);
	char *mail, *lang;
	assert_int_equal(person_mail(db, a, r.person, &mail, &lang, &err), 0);
	assert_string_equal(mail, "Hanako@Example.jp");
	assert_string_equal(lang, "en");
	assert_int_equal(person_mail(db, a, 999, &mail, &lang, &err), -(int)ERR_MISSING);
	struct account account;
	assert_int_equal(account_find(db, a, "resident", "HANAKO@example.jp", &account, &err), 1);
	assert_int_equal(account.person, r.person);
	assert_string_equal(account.name, "香川 花子");
	assert_int_equal(account_find(db, a, "resident", "nobody@example.jp", &account, &err), 0);

	write_ok(st, change_resident, &r);
	assert_int_equal(account_get(reader(st), a, r.account, &account, &err), 1);
	assert_string_equal(account.hash, "new hash");
	assert_string_equal(account.mail, "hanako2@example.jp");
	assert_false(account_is_active(&account));
	write_ok(st, close_resident, &r);
	write_ok(st, reopen_resident, &r); /* the address is free again, the account is not */
	assert_int_equal(r.taken, -(int)ERR_CONFLICT);
	assert_int_not_equal(r.other, r.account);
	arena_free(a);
}

/* --- an office --- */

struct office {
	int64_t hall, health, hygiene, dogs, tax; /* 市 健康福祉局 生活衛生課 動物係 税務課 */
	int64_t mayor, head, chief_a, chief_b, clerk, clerk_tax, manager, auditor, gone, account;
};

static int add_office(struct db *db, void *arg, struct err *err)
{
	struct office *o = arg;
	struct {
		int64_t *id;
		const char *login, *name;
	} people[] = {
	    {&o->mayor, "mayor", "市長 一"},
	    {&o->head, "head", "部長 一"},
	    {&o->manager, "manager", "課長 一"},
	    {&o->chief_a, "chief-a", "係長 一"},
	    {&o->chief_b, "chief-b", "係長 二"},
	    {&o->clerk, "clerk", "係員 一"},
	    {&o->clerk_tax, "clerk-tax", "係員 二"},
	    {&o->auditor, "auditor", "監査 一"},
	    {&o->gone, "gone", "退職 一"},
	};
	int rc = department_add(db, "00", "街市", "Machi City", 0, &o->hall, err);
	if (rc == 0)
		rc = department_add(db, "10", "健康福祉局", "Health", o->hall, &o->health, err);
	if (rc == 0)
		rc = department_add(
		    db, "1010", "生活衛生課", "Hygiene", o->health, &o->hygiene, err);
	if (rc == 0)
		rc = department_add(db, "101010", "動物係", NULL, o->hygiene, &o->dogs, err);
	if (rc == 0)
		rc = department_add(db, "20", "税務課", "Tax", o->hall, &o->tax, err);
	for (size_t i = 0; i < COUNT(people) && rc == 0; i++)
		rc = staff_add(
		    db, people[i].login, "hash", people[i].name, &o->account, people[i].id, err);
	struct {
		int64_t staff, department;
		enum rank rank;
		const char *from, *until;
	} posts[] = {
	    {o->mayor, o->hall, RANK_MAYOR, NULL, NULL},
	    {o->head, o->health, RANK_DIVISION, "2025-04-01", NULL},
	    {o->manager, o->hygiene, RANK_SECTION, "2025-04-01", "2027-03-31"},
	    {o->chief_a, o->dogs, RANK_CHIEF, "2024-04-01", NULL},
	    {o->chief_a, o->tax, RANK_CHIEF, "2026-11-20", "2026-11-20"}, /* 兼務, one day */
	    {o->chief_b, o->tax, RANK_CHIEF, "2026-11-21", NULL},
	    {o->clerk, o->hygiene, RANK_STAFF, NULL, NULL},
	    {o->clerk_tax, o->tax, RANK_STAFF, NULL, NULL},
	    {o->gone, o->hygiene, RANK_STAFF, NULL, NULL},
	    {o->gone, o->tax, RANK_SECTION, NULL, "2026-03-31"},
	};
	for (size_t i = 0; i < COUNT(posts) && rc == 0; i++)
		rc = post_add(db, posts[i].staff, posts[i].department, posts[i].rank, posts[i].from,
		    posts[i].until, err);
	if (rc == 0)
		rc = role_grant(db, o->auditor, "auditor", 0, err);
	if (rc == 0) /* refused; a row from before it was has no effect */
		rc = role_grant(db, o->clerk_tax, "identity_admin", o->health, err) ==
		             -(int)ERR_INPUT
		         ? db_get_i64(db, err, &o->account, SQL(ROLE_ADD), "itittt", o->clerk_tax,
		               "identity_admin", o->health, DAY_FIRST, DAY_LAST, "")
		         : -(int)ERR_INTERNAL;
	if (rc >= 0)
		rc = role_grant(db, o->clerk_tax, "records", o->health, err);
	if (rc == 0)
		rc = staff_set(db, "system", o->gone, "退職 一", "", "left", err);
	return rc;
}

static void office_fill(struct store *st, struct office *o)
{
	now_set_us(NOON);
	write_ok(st, add_office, o);
}

static void departments(struct store *st)
{
	struct office o;
	struct err err;
	struct arena *a = arena_new();
	office_fill(st, &o);
	struct db *db = reader(st);
	int64_t id;
	assert_int_equal(department_by_name(db, "税務課", &id, &err), 1);
	assert_int_equal(id, o.tax);
	assert_int_equal(department_by_name(db, "水道局", &id, &err), 0);
	assert_string_equal(department_name(db, a, o.dogs, &err), "動物係");
	assert_string_equal(department_name_in(db, a, o.tax, "en", &err), "Tax");
	assert_string_equal(department_name_in(db, a, o.dogs, "en", &err), "動物係");
	assert_string_equal(department_name(db, a, 999, &err), "");
	assert_string_equal(staff_name(db, a, o.head, &err), "部長 一");
	struct department *tree;
	assert_int_equal(department_tree(db, a, "2026-11-20", &tree, &err), 5);
	static const struct {
		const char *code;
		int depth;
	} wanted[] = {{"00", 0}, {"10", 1}, {"1010", 2}, {"101010", 3}, {"20", 1}};
	for (size_t i = 0; i < COUNT(wanted); i++) {
		assert_string_equal(tree[i].code, wanted[i].code);
		assert_int_equal(tree[i].depth, wanted[i].depth);
	}
	arena_free(a);
}

struct move {
	int64_t id;
	struct department_fields f;
	struct err got;
	int rc;
};

static int try_move(struct db *db, void *arg, struct err *err)
{
	struct move *m = arg;
	(void)err;
	m->rc = department_set(db, "system", m->id, &m->f, &m->got);
	return 0;
}

static void department_changes(struct store *st)
{
	struct office o;
	struct err err;
	struct arena *a = arena_new();
	office_fill(st, &o);
	struct move circle = {.id = o.health, .f = {.name = "x", .parent = o.dogs}};
	write_ok(st, try_move, &circle);
	assert_int_equal(circle.rc, -(int)ERR_INPUT);
	assert_string_equal(circle.got.msg, "identity.parent_circle");
	struct move backwards = {
	    .id = o.tax, .f = {.name = "税務課", .term = {"2026-04-01", "2026-03-31"}}};
	write_ok(st, try_move, &backwards);
	assert_string_equal(backwards.got.field, "until");
	struct move end = {
	    .id = o.health, .f = {.name = "健康福祉局", .term = {NULL, "2026-11-19"}}};
	write_ok(st, try_move, &end);
	struct db *db = reader(st);
	int64_t id;
	struct department *tree;
	assert_int_equal(department_by_name(db, "健康福祉局", &id, &err), 0);
	assert_int_equal(department_tree(db, a, "2026-11-20", &tree, &err), 4);
	assert_int_equal(department_tree(db, a, NULL, &tree, &err), 5);
	arena_free(a);
}

static int make_circle(struct db *db, void *arg, struct err *err)
{
	static const struct sql set_parent = {"UPDATE department SET parent = ?2 WHERE id = ?1"};
	const struct office *o = arg;
	int64_t n = db_run(db, err, &set_parent, "ii", o->hygiene, o->dogs);
	return n < 0 ? (int)n : 0;
}

/* Rows that department_set() never makes, but an old store or somebody's SQL may: all are shown. */
static void departments_without_a_top(struct store *st)
{
	struct office o;
	struct err err;
	struct arena *a = arena_new();
	office_fill(st, &o);
	struct move end = {.id = o.health, .f = {.name = "x", .term = {NULL, "2026-11-19"}}};
	write_ok(st, try_move, &end);
	static const struct {
		const char *code;
		int depth;
	} wanted[] = {{"00", 0}, {"20", 1}, {"1010", 0}, {"101010", 1}};
	for (int circle = 0; circle < 2; circle++) {
		struct department *tree;
		if (circle)
			write_ok(st, make_circle, &o);
		int n = department_tree(reader(st), a, "2026-11-20", &tree, &err);
		assert_int_equal(n, COUNT(wanted));
		for (int i = 0; i < n; i++) {
			assert_string_equal(tree[i].code, wanted[i].code);
			assert_int_equal(tree[i].depth, wanted[i].depth);
		}
	}
	arena_free(a);
}

static void posts(struct store *st)
{
	struct office o;
	office_fill(st, &o);
	const struct {
		const char *day;
		int64_t department;
		enum rank rank;
		int64_t holder; /* 0: nobody */
	} cases[] = {
	    {"2026-11-20", o.hygiene, RANK_STAFF, o.clerk}, /* who left does not count */
	    {"2026-11-20", o.dogs, RANK_STAFF, 0},          /* 係員: the department's own */
	    {"2026-11-20", o.dogs, RANK_CHIEF, o.chief_a},
	    {"2026-11-20", o.dogs, RANK_SECTION, o.manager}, /* up the line */
	    {"2026-11-20", o.dogs, RANK_DIVISION, o.head},
	    {"2026-11-20", o.dogs, RANK_MAYOR, o.mayor},
	    {"2027-03-31", o.hygiene, RANK_SECTION, o.manager}, /* the last day of the term */
	    {"2027-04-01", o.hygiene, RANK_SECTION, 0}, {"2025-03-31", o.hygiene, RANK_SECTION, 0},
	    {"2026-11-20", o.tax, RANK_CHIEF, o.chief_a}, /* 兼務 */
	    {"2026-11-21", o.tax, RANK_CHIEF, o.chief_b},
	    {"2026-03-31", o.tax, RANK_SECTION, 0}, /* left since */
	};
	struct arena *a = arena_new();
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct date d;
		struct err err = {0};
		int64_t *ids;
		assert_true(date_parse(str_from(cases[i].day), &d));
		now_set_us(date_start_us(d) + INT64_C(3600000000));
		int n =
		    staff_of_post(reader(st), a, cases[i].department, cases[i].rank, &ids, &err);
		int64_t holder = n == 1 ? ids[0] : 0;
		if (n < 0 || n > 1 || holder != cases[i].holder)
			fail_msg(
			    "case %zu: %d holders, %lld %s", i, n, (long long)holder, err.detail);
		if (holder && !staff_holds(reader(st), holder, cases[i].department, cases[i].rank))
			fail_msg("case %zu: holds", i);
		if (staff_holds(reader(st), o.auditor, cases[i].department, cases[i].rank))
			fail_msg("case %zu: the auditor holds nothing", i);
	}
	now_set_us(NOON);
	struct err err;
	int64_t *ids;
	assert_int_equal(staff_of_department(reader(st), a, o.tax, &ids, &err), 2);
	assert_int_equal(ids[0], o.chief_a);
	arena_free(a);
}

static void rights(struct store *st)
{
	struct office o;
	office_fill(st, &o);
	const struct {
		int64_t staff;
		const char *perm;
		int64_t department;
		bool may;
	} cases[] = {
	    {o.clerk, "application.check", o.hygiene, true},
	    {o.clerk, "application.check", 0, true},
	    {o.clerk, "application.check", o.dogs, false}, /* 係員: only their own department */
	    {o.clerk, "application.check", o.tax, false},
	    {o.clerk, "application.check", o.health, false},
	    {o.clerk, "application.decide", o.hygiene, false},
	    {o.clerk, "application.decide", 0, false},
	    {o.chief_a, "application.decide", o.dogs, true},
	    {o.chief_a, "application.decide", o.tax, true},
	    {o.chief_b, "application.decide", o.tax, false}, /* from tomorrow */
	    {o.chief_b, "application.check", 0, false},
	    {o.manager, "application.decide", o.dogs, true}, /* 課長: those below too */
	    {o.manager, "application.export", o.hygiene, true},
	    {o.manager, "application.decide", o.health, false},
	    {o.head, "application.decide", o.dogs, true},
	    {o.head, "application.decide", o.tax, false},
	    {o.mayor, "application.decide", o.dogs, true},
	    {o.auditor, "application.read", o.dogs, true}, /* granted for the whole city */
	    {o.auditor, "application.check", o.dogs, false},
	    {o.clerk_tax, "application.export", o.dogs, true}, /* granted for a division */
	    {o.clerk_tax, "application.export", o.tax, false},
	    {o.clerk_tax, "identity.manage", 0, false},
	    {o.clerk_tax, "identity.manage", o.health, false},
	    {o.gone, "application.check", o.hygiene, false}, /* left */
	    {o.gone, "application.check", 0, false},
	    {999, "application.check", 0, false},
	    {o.mayor, "no.such", 0, false},
	};
	for (size_t i = 0; i < COUNT(cases); i++)
		if (staff_may(reader(st), cases[i].staff, cases[i].perm, cases[i].department) !=
		    cases[i].may)
			fail_msg("case %zu: %s", i, cases[i].perm);
	struct arena *a = arena_new();
	struct err err;
	int64_t *ids;
	assert_int_equal(
	    staff_departments(reader(st), a, o.manager, "application.decide", &ids, &err), 2);
	assert_int_equal(ids[0], o.hygiene);
	assert_int_equal(ids[1], o.dogs);
	assert_int_equal(
	    staff_departments(reader(st), a, o.clerk, "application.check", &ids, &err), 1);
	assert_int_equal(
	    staff_departments(reader(st), a, o.auditor, "application.read", &ids, &err), 5);
	assert_int_equal(
	    staff_departments(reader(st), a, o.clerk, "application.decide", &ids, &err), 0);
	uint64_t bits;
	assert_int_equal(staff_roles(reader(st), o.clerk_tax, &bits, &err), 0);
	assert_true(roles_have(&roles_built_in, bits, "application.check"));
	assert_true(roles_have(&roles_built_in, bits, "application.export"));
	assert_false(roles_have(&roles_built_in, bits, "application.decide"));
	arena_free(a);
}

static int add_deputies(struct db *db, void *arg, struct err *err)
{
	struct office *o = arg;
	int rc = deputy_add(db, o->manager, o->head, 0, NULL, NULL, err);
	if (rc == 0)
		rc = deputy_add(
		    db, o->manager, o->clerk_tax, o->hygiene, "2026-04-01", "2027-03-31", err);
	if (rc == 0)
		rc = absence_add(db, o->manager, "2026-11-19", "2026-11-21", err);
	if (rc == 0)
		rc = absence_add(db, o->clerk_tax, "2026-11-21", "2026-11-21", err);
	struct err own;
	if (rc == 0 && deputy_add(db, o->head, o->head, 0, NULL, NULL, &own) != -(int)ERR_INPUT)
		rc = err_set(err, ERR_INTERNAL, NULL, "a deputy of one's own");
	return rc;
}

static void deputies(struct store *st)
{
	struct office o;
	office_fill(st, &o);
	assert_false(staff_may(reader(st), o.clerk_tax, "application.decide", o.hygiene));
	write_ok(st, add_deputies, &o);
	const struct {
		const char *day;
		int64_t department, deputy;
		bool absent;
	} cases[] = {
	    {"2026-11-18", o.hygiene, 0, false}, /* the officer is there */
	    {"2026-11-19", o.hygiene, o.clerk_tax, true},
	    {"2026-11-20", o.hygiene, o.clerk_tax, true},
	    {"2026-11-20", 0, o.clerk_tax, true}, /* the one named for a department goes first */
	    {"2026-11-20", o.tax, o.head, true},
	    {"2026-11-21", o.hygiene, o.head, true}, /* the first deputy is absent, too */
	    {"2026-11-22", o.hygiene, 0, false},
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct date d;
		assert_true(date_parse(str_from(cases[i].day), &d));
		now_set_us(date_start_us(d));
		if (staff_deputy_of(reader(st), o.manager, cases[i].department) != cases[i].deputy)
			fail_msg("case %zu: deputy", i);
		if (staff_is_absent(reader(st), o.manager) != cases[i].absent)
			fail_msg("case %zu: absent", i);
	}
	/* The deputy has the absent officer's rights there, and nowhere else. */
	now_set_us(NOON);
	assert_true(staff_may(reader(st), o.clerk_tax, "application.decide", o.hygiene));
	assert_false(staff_may(reader(st), o.clerk_tax, "application.decide", o.tax));
}

/* --- deputies by post, their order, and who manages whom --- */

static int add_deputies_by_post(struct db *db, void *arg, struct err *err)
{
	struct office *o = arg;
	const struct deputy_fields fields[] = {
	    {.rank = RANK_CHIEF, .place = 1},     /* 2: the 係長 of the case's office */
	    {.deputy = o->clerk_tax, .place = 2}, /* 3 */
	    {.deputy = o->gone, .place = 0},      /* 1: has left */
	    {.deputy = o->clerk, .department = o->tax, .place = 5}, /* tax: before all others */
	};
	int rc = 0;
	for (size_t i = 0; i < COUNT(fields) && rc == 0; i++)
		rc = deputy_make(db, "staff:1", o->manager, &fields[i], err);
	struct absence_fields away = {{"2026-11-20", "2026-11-22"}, "trip"};
	if (rc == 0)
		rc = absence_make(db, "staff:1", o->manager, &away, err);
	if (rc == 0)
		rc = absence_add(db, o->chief_a, "2026-11-22", "2026-11-22", err);
	return rc;
}

static int bad_absences(struct db *db, void *arg, struct err *err)
{
	struct office *o = arg;
	struct err got;
	const struct {
		struct absence_fields f;
		const char *field;
	} cases[] = {
	    {{{"2026-11-22", "2026-12-01"}, ""}, "from"}, /* a day is taken already */
	    {{{"2026-11-01", "2026-11-20"}, ""}, "from"},
	    {{{"2026-12-02", "2026-12-01"}, ""}, "until"},
	    {{{"tomorrow", "2026-12-01"}, ""}, "from"},
	    {{{"2026-12-01", "2026-12-01"}, "hangover"}, "reason"},
	};
	(void)err;
	for (size_t i = 0; i < COUNT(cases); i++)
		if (absence_make(db, "staff:1", o->manager, &cases[i].f, &got) >= 0 ||
		    strcmp(got.field, cases[i].field) != 0)
			fail_msg("case %zu: %s", i, got.field);
	const struct deputy_fields far = {.deputy = o->head, .place = DEPUTY_PLACES};
	assert_int_equal(deputy_make(db, "staff:1", o->manager, &far, &got), -(int)ERR_INPUT);
	assert_int_equal(absence_change(db, "staff:1", o->clerk, 1,
	                     &(struct absence_fields){{"2027-01-01", "2027-01-01"}, ""}, &got),
	    -(int)ERR_MISSING); /* somebody else's row */
	/* Its own days do not stand in the way of a change. */
	return absence_change(db, "staff:1", o->manager, 1,
	    &(struct absence_fields){{"2026-11-20", "2026-11-23"}, "trip"}, err);
}

static void deputies_by_post(struct store *st)
{
	struct office o;
	struct err err = {0};
	office_fill(st, &o);
	write_ok(st, add_deputies_by_post, &o);
	const struct {
		const char *day;
		int64_t department, deputy;
	} cases[] = {
	    {"2026-11-19", o.dogs, 0},
	    {"2026-11-20", o.dogs, o.chief_a},   /* who left is passed over, the post is next */
	    {"2026-11-20", o.tax, o.clerk},      /* named for that department */
	    {"2026-11-22", o.dogs, o.clerk_tax}, /* the 係長 is away, too */
	    {"2026-11-22", o.hygiene, o.clerk_tax},
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct date d;
		assert_true(date_parse(str_from(cases[i].day), &d));
		now_set_us(date_start_us(d));
		if (staff_deputy_of(reader(st), o.manager, cases[i].department) != cases[i].deputy)
			fail_msg("case %zu: deputy %lld", i,
			    (long long)staff_deputy_of(reader(st), o.manager, cases[i].department));
	}
	now_set_us(NOON);
	assert_int_equal(staff_deputy_if_absent(reader(st), o.head, o.dogs), 0);
	write_ok(st, bad_absences, &o);
	struct journal_verifier const *const all[] = {&staff_verifier};
	struct verify_report report;
	assert_int_equal(journal_verify(st, all, COUNT(all), NULL, NULL, &report, &err), 0);
	if (report.problems)
		fail_msg("%s", report.first_bad);
}

static int rights_by_post(struct db *db, void *arg, struct err *err)
{
	struct office *o = arg;
	int rc = post_add(db, o->clerk, o->hygiene, RANK_CHIEF, NULL, NULL, err);
	if (rc == 0)
		rc = deputy_make(
		    db, "system", o->manager, &(struct deputy_fields){.rank = RANK_CHIEF}, err);
	return rc;
}

/* The 係長 who stands in for the 課長 has the 課長's rights, below as well, while that one is away.
 */
static void deputy_rights_by_post(struct store *st)
{
	struct office o;
	office_fill(st, &o);
	write_ok(st, rights_by_post, &o);
	assert_false(staff_may(reader(st), o.clerk, "application.export", o.dogs));
	write_ok(st, add_deputies_by_post, &o);
	assert_true(staff_may(reader(st), o.clerk, "application.export", o.dogs));
	assert_false(staff_may(reader(st), o.clerk, "application.export", o.tax));
	assert_false(staff_may(reader(st), o.chief_b, "application.export", o.dogs));
}

static void managing(struct store *st)
{
	struct office o;
	office_fill(st, &o);
	const struct {
		int64_t boss, staff;
		bool manages;
	} cases[] = {
	    {o.manager, o.clerk, true},
	    {o.manager, o.chief_a, true}, /* in an office below */
	    {o.head, o.manager, true},
	    {o.mayor, o.clerk_tax, true},
	    {o.clerk, o.manager, false},
	    {o.chief_a, o.clerk, false}, /* 課長 and higher */
	    {o.manager, o.clerk_tax, false},
	    {o.manager, o.head, false},
	    {o.manager, o.manager, false},
	    {o.manager, o.gone, false},
	};
	for (size_t i = 0; i < COUNT(cases); i++)
		if (staff_manages(reader(st), cases[i].boss, cases[i].staff) != cases[i].manages)
			fail_msg("case %zu", i);
}

struct ending {
	int64_t staff, row;
	enum staff_row kind;
	const char *day;
	int rc;
};

static int try_end(struct db *db, void *arg, struct err *err)
{
	struct ending *e = arg;
	struct err got;
	(void)err;
	e->rc = staff_row_end(db, "staff:1", e->staff, e->kind, e->row, e->day, &got);
	return 0;
}

static void endings(struct store *st)
{
	struct office o;
	office_fill(st, &o);
	/* Rows are numbered from 1 in the order they were made. */
	struct ending others = {o.clerk, 3, ROW_POST, "2026-11-19", 0};
	write_ok(st, try_end, &others);
	assert_int_equal(others.rc, -(int)ERR_MISSING);
	struct ending own = {o.manager, 3, ROW_POST, "2026-11-19", 0};
	write_ok(st, try_end, &own);
	assert_int_equal(own.rc, 0);
	assert_false(staff_holds(reader(st), o.manager, o.hygiene, RANK_SECTION));
	struct ending future = {o.chief_b, 6, ROW_POST, "2026-11-19", 0};
	write_ok(st, try_end, &future); /* it had not begun: removed */
	assert_int_equal(future.rc, 0);
	write_ok(st, try_end, &future);
	assert_int_equal(future.rc, -(int)ERR_MISSING);
	/* What has ended is not made longer. */
	struct ending past = {o.gone, 10, ROW_POST, "2026-11-19", 0};
	write_ok(st, try_end, &past);
	assert_int_equal(past.rc, -(int)ERR_MISSING);
	struct ending role = {o.auditor, 1, ROW_ROLE, "2026-11-19", 0};
	write_ok(st, try_end, &role);
	assert_false(staff_may(reader(st), o.auditor, "application.read", 0));
}

/* --- the journal's state and its verifiers --- */

static int raise_rank(struct db *db, void *arg, struct err *err)
{
	(void)arg;
	static const struct sql sql = {"UPDATE post SET rank = 4 WHERE rank = 0"};
	return (int)db_run(db, err, &sql, "") < 0 ? -(int)ERR_STORE : 0;
}

static void verifies(struct store *st)
{
	struct office o;
	struct residents r;
	struct err err = {0};
	office_fill(st, &o);
	write_ok(st, add_deputies, &o);
	write_ok(st, add_residents, &r);
	write_ok(st, change_resident, &r);
	const struct journal_verifier *const all[] = {
	    &account_verifier, &person_verifier, &staff_verifier, &department_verifier};
	struct verify_report report;
	assert_int_equal(journal_verify(st, all, COUNT(all), NULL, NULL, &report, &err), 0);
	if (report.problems)
		fail_msg("%s", report.first_bad);
	assert_int_equal(report.subjects, 11 + 1 + 10 + 5);
	write_ok(st, raise_rank, NULL); /* behind the program's back */
	assert_int_equal(journal_verify(st, all, COUNT(all), NULL, NULL, &report, &err), 0);
	assert_true(report.problems > 0);
}

/* --- a store of the version before --- */

static int first_step(void *arg, const char *module)
{
	(void)arg;
	(void)module;
	return 1;
}

/* What step 1 kept of an officer with an absence and a deputy, and what the journal said of it. */
static int add_of_step_1(struct db *db, void *arg, struct err *err)
{
	static const struct sql rows[] = {
	    {"INSERT INTO account (kind, login, login_key, password_us, totp_step, state, lang, "
	     "created_us, signed_in_us) VALUES ('staff', 'a', 'a', 0, 0, 'active', 'ja', 0, 0), "
	     "('staff', 'b', 'b', 0, 0, 'active', 'ja', 0, 0)"},
	    {"INSERT INTO staff (account, name, name_key, kana, state, created_us) VALUES "
	     "(1, '課長', '課長', '', 'active', 0), (2, '係長', '係長', '', 'active', 0)"},
	    {"INSERT INTO absence (staff, from_date, until_date) VALUES "
	     "(1, '2026-11-19', '2026-11-21')"},
	    {"INSERT INTO deputy (staff, deputy, from_date, until_date) VALUES "
	     "(2, 1, '0001-01-01', '9999-12-31'), (1, 2, '0001-01-01', '9999-12-31')"},
	    {"DELETE FROM deputy WHERE staff = 2"},
	};
	static const char state[] = "{\"account\": 1, \"name\": \"課長\", \"kana\": \"\", "
	                            "\"state\": \"active\", \"posts\": [], \"roles\": [], "
	                            "\"absences\": [[\"2026-11-19\", \"2026-11-21\"]], "
	                            "\"deputies\": [[2, 0, \"0001-01-01\", \"9999-12-31\"]]}";
	(void)arg;
	for (size_t i = 0; i < COUNT(rows); i++)
		if (db_run(db, err, &rows[i], "") < 0)
			return -(int)ERR_STORE;
	json_t *was = json_loads(state, 0, NULL);
	int rc = journal_add(db,
	    &(struct journal_change){.actor = "system",
	        .verb = "identity.deputy_added",
	        .subject = "staff:1",
	        .state = was},
	    NULL, err);
	json_decref(was);
	return rc;
}

static int one_more_deputy(struct db *db, void *arg, struct err *err)
{
	(void)arg;
	return deputy_make(db, "system", 2, &(struct deputy_fields){.rank = RANK_SECTION}, err);
}

static void test_migrates(void **state)
{
	(void)state;
	for (int postgres = 0; postgres < 2; postgres++) {
		if (postgres && !getenv("MACHI_TEST_PG"))
			break;
		struct test_store t;
		struct err err = {0};
		struct verify_report report;
		int64_t id;
		const struct journal_verifier *const all[] = {&staff_verifier};
		test_store_new(&t, postgres);
		if (migrate_to(t.st, test_modules, COUNT(test_modules), first_step, NULL, NULL,
		        NULL, &err) < 0)
			fail_msg("%s", err.detail);
		write_ok(t.st, add_of_step_1, NULL);
		test_store_migrate(t.st);
		now_set_us(NOON);
		assert_int_equal(staff_deputy_of(reader(t.st), 1, 0), 2);
		assert_int_equal(
		    journal_verify(t.st, all, COUNT(all), NULL, NULL, &report, &err), 0);
		assert_int_equal(report.problems, 1); /* staff:2 was never journalled here */
		write_ok(t.st, one_more_deputy, NULL);
		assert_int_equal(
		    journal_verify(t.st, all, COUNT(all), NULL, NULL, &report, &err), 0);
		if (report.problems)
			fail_msg("%s", report.first_bad);
		static const struct sql newest = {"SELECT MAX(id) FROM deputy"};
		assert_int_equal(db_get_i64(reader(t.st), &err, &id, &newest, ""), 1);
		assert_true(id >= 3); /* numbers do not come back */
		test_store_free(&t);
	}
	now_set_us(0);
}

#define ON_EACH(fn)                                                                                \
	static void test_##fn(void **state)                                                        \
	{                                                                                          \
		(void)state;                                                                       \
		test_store_each(fn);                                                               \
		now_set_us(0);                                                                     \
	}

ON_EACH(residents)
ON_EACH(departments)
ON_EACH(department_changes)
ON_EACH(departments_without_a_top)
ON_EACH(posts)
ON_EACH(rights)
ON_EACH(deputies)
ON_EACH(deputies_by_post)
ON_EACH(deputy_rights_by_post)
ON_EACH(managing)
ON_EACH(endings)
ON_EACH(verifies)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_residents),
	    cmocka_unit_test(test_departments),
	    cmocka_unit_test(test_department_changes),
	    cmocka_unit_test(test_departments_without_a_top),
	    cmocka_unit_test(test_posts),
	    cmocka_unit_test(test_rights),
	    cmocka_unit_test(test_deputies),
	    cmocka_unit_test(test_deputies_by_post),
	    cmocka_unit_test(test_deputy_rights_by_post),
	    cmocka_unit_test(test_managing),
	    cmocka_unit_test(test_endings),
	    cmocka_unit_test(test_verifies),
	    cmocka_unit_test(test_migrates),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
