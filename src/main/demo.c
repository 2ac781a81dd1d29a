/* Makes the demo city by the same functions that pages use, with the clock moved back, so that
 * every application has a true history. Names, mail addresses and numbers are made up. */
#include "main/demo.h"

#include <inttypes.h>
#include <string.h>

#include "base/csv.h"
#include "base/json.h"
#include "base/log.h"
#include "base/progress.h"
#include "base/resource.h"
#include "base/time.h"
#include "identity/identity.h"
#include "procedure/application.h"
#include "procedure/catalogue.h"
#include "procedure/example_people.h"
#include "procedure/inventory.h"
#include "procedure/my_number/my_number.h"
#include "store/blob.h"

enum {
	BATCH = 100,          /* applications in one transaction */
	RESIDENTS_MAX = 2000, /* accounts that applications are spread over */
	CLERKS = 3,           /* in each department that handles applications */
	DAYS_BACK = 200,      /* how far back applications begin */
	OLD_EVERY = 3,  /* of the first OLD_UNTIL, each third one is an old file whose retention */
	OLD_UNTIL = 36, /* period has ended */
	OLD_DAYS = 3 * 365, /* and this old; only those of procedures kept for a year */
	PAID_STAGE = 9,     /* from here on fees are paid */
	STAGES = 12
};

static const char demo_password[] = "machi-demo-2026";

/* One department that handles applications, and who works there. */
struct office {
	const char *name;
	int64_t id;
	struct app_actor clerks[CLERKS], chiefs[2], head, division;
};

struct town {
	const char *name, *postal_code;
};

struct demo {
	struct city *city;
	struct arena *arena;
	uint64_t random;
	struct office offices[48];
	int noffices;
	struct town *towns;
	int ntowns;
	struct app_actor *residents;
	json_t **profiles;
	int nresidents;
	struct procedure_list *procedures;
	char *hash;
	char photo[BLOB_NAME_SIZE]; /* attached where a file is wanted */
	int64_t end_us;             /* the real time: nothing happens after it */
	int64_t next, until;        /* applications of the present batch */
	uint64_t taken;             /* family names in the present office, a bit each */
	int64_t now;
};

/* splitmix64: the same numbers for the same seed on every machine. */
static uint64_t draw(struct demo *d)
{
	uint64_t z = d->random += UINT64_C(0x9e3779b97f4a7c15);
	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

static int below(struct demo *d, int n)
{
	return (int)(draw(d) % (uint64_t)n);
}

/* --- departments and staff --- */

/* {name: English name} of data/takamatsu/organisation_en.csv. */
static int read_english(struct demo *d, json_t **out, struct err *err)
{
	struct str csv;
	if (!resource_find("data/takamatsu/organisation_en.csv", &csv))
		return err_set(err, ERR_INTERNAL, NULL, "no English names of the organisation");
	struct csv_reader *reader = csv_reader_of(d->arena, csv, NULL);
	const struct str *f;
	size_t n;
	int rc = csv_next(reader, &f, &n, err);
	*out = json_on_arena(d->arena, json_object());
	while (rc >= 0 && (rc = csv_next(reader, &f, &n, err)) == 1)
		if (n >= 2)
			json_object_set_new(
			    *out, str_dup(d->arena, f[0]), json_string(str_dup(d->arena, f[1])));
	return rc;
}

/* data/takamatsu/organisation.csv: bureau, department, division, office, unit, name. Bureaus, parts
 * and divisions become departments; offices below a division do not. */
static int add_departments(struct demo *d, struct db *db, struct err *err)
{
	struct str csv;
	if (!resource_find("data/takamatsu/organisation.csv", &csv))
		return err_set(err, ERR_INTERNAL, NULL, "no organisation list");
	struct csv_reader *reader = csv_reader_of(d->arena, csv, NULL);
	const struct str *f;
	size_t n;
	json_t *ids = json_object(), *english = NULL;
	int rc = read_english(d, &english, err), number = 0;
	if (rc >= 0)
		rc = csv_next(reader, &f, &n, err);
	while (rc >= 0 && (rc = csv_next(reader, &f, &n, err)) == 1) {
		if (n < 5 || f[3].n || f[4].n || str_is(f[0], "高松市"))
			continue;
		const char *path = "";
		int64_t parent = 0;
		for (int level = 0; level < 3 && rc > 0; level++) {
			if (f[level].n == 0)
				continue;
			path = arena_printf(d->arena, "%s/%.*s", path, STR_ARG(f[level]));
			json_t *known = json_object_get(ids, path);
			int64_t id = json_integer_value(known);
			if (!known) {
				const char *name = str_dup(d->arena, f[level]);
				int made =
				    department_add(db, arena_printf(d->arena, "%04d", ++number),
				        name, json_string_value(json_object_get(english, name)),
				        parent, &id, err);
				if (made < 0)
					rc = made;
				json_object_set_new(ids, path, json_integer(id));
			}
			parent = id;
		}
	}
	json_decref(ids);
	return rc < 0 ? rc : 0;
}

static int add_staff(struct demo *d, struct db *db, const struct office *o, enum rank rank,
    int number, struct app_actor *out, struct err *err)
{
	static const char *const titles[RANK_COUNT] = {
	    "clerk", "chief", "head", "division", "mayor"};
	int at = (int)(o - d->offices) + 1;
	const char *login = number ? arena_printf(d->arena, "%s%d-%d", titles[rank], at, number)
	                           : arena_printf(d->arena, "%s%d", titles[rank], at);
	/* Nobody has a namesake among colleagues. */
	int family = below(d, EXAMPLE_FAMILIES);
	while (d->taken & UINT64_C(1) << family)
		family = (family + 1) % EXAMPLE_FAMILIES;
	d->taken |= UINT64_C(1) << family;
	const char *name = arena_printf(d->arena, "%s %s", example_families[family].name,
	    example_givens[below(d, EXAMPLE_GIVENS)].name);
	int64_t department = o->id;
	int rc = staff_add(db, login, d->hash, name, &out->account, &out->person, err);
	if (rc == 0)
		rc = post_add(db, out->person, department, rank, NULL, NULL, err);
	out->staff = true;
	out->id = arena_printf(d->arena, "staff:%" PRId64, out->person);
	return rc;
}

static int add_office(struct demo *d, struct db *db, const char *name, struct err *err)
{
	for (int i = 0; i < d->noffices; i++)
		if (strcmp(d->offices[i].name, name) == 0)
			return 0;
	if (d->noffices == (int)COUNT(d->offices))
		return err_set(err, ERR_INTERNAL, NULL, "more offices than the demo has room for");
	struct office *o = &d->offices[d->noffices++];
	o->name = name;
	d->taken = 0;
	int rc = department_by_name(db, name, &o->id, err);
	if (rc == 0)
		rc = err_set(err, ERR_INTERNAL, NULL, "no department %s", name);
	for (int i = 0; rc >= 0 && i < CLERKS; i++)
		rc = add_staff(d, db, o, RANK_STAFF, i + 1, &o->clerks[i], err);
	for (int i = 0; rc >= 0 && i < 2; i++)
		rc = add_staff(d, db, o, RANK_CHIEF, i + 1, &o->chiefs[i], err);
	if (rc >= 0)
		rc = add_staff(d, db, o, RANK_SECTION, 0, &o->head, err);
	if (rc >= 0)
		rc = add_staff(d, db, o, RANK_DIVISION, 0, &o->division, err);
	return rc < 0 ? rc : 0;
}

/* Every department that a definition names: its own and those that are consulted. */
static int add_offices(struct demo *d, struct db *db, struct err *err)
{
	d->noffices = 0;
	for (int i = 0; i < d->procedures->n; i++) {
		const json_t *def = procedure_json(d->procedures->items[i]);
		const char *own = json_string_value(json_object_get(def, "department"));
		int rc = own ? add_office(d, db, own, err) : 0;
		json_t *step, *other;
		size_t k, m;
		json_array_foreach(json_object_get(json_object_get(def, "route"), "steps"), k, step)
		{
			json_array_foreach(json_object_get(step, "departments"), m, other)
			{
				if (rc >= 0)
					rc = add_office(d, db, json_string_value(other), err);
			}
		}
		if (rc < 0)
			return rc;
	}
	return 0;
}

static int add_operators(struct demo *d, struct db *db, struct err *err)
{
	static const struct {
		const char *login, *name, *role;
	} people[] = {
	    {"operator", "情報 運用", "operator"},
	    {"admin", "人事 管理", "identity_admin"},
	    {"security", "情報 安全", "security"},
	    {"auditor", "監査 委員", "auditor"},
	    {"records", "文書 管理", "records"},
	    {"records2", "文書 主査", "records"},
	};
	for (size_t i = 0; i < COUNT(people); i++) {
		int64_t account, staff;
		int rc =
		    staff_add(db, people[i].login, d->hash, people[i].name, &account, &staff, err);
		if (rc < 0 || (rc = role_grant(db, staff, people[i].role, 0, err)) < 0)
			return rc;
	}
	return 0;
}

/* --- residents --- */

static int read_towns(struct demo *d, struct err *err)
{
	struct str csv;
	if (!resource_find("data/takamatsu/towns.csv", &csv))
		return err_set(err, ERR_INTERNAL, NULL, "no list of towns");
	struct csv_reader *reader = csv_reader_of(d->arena, csv, NULL);
	const struct str *f;
	size_t n;
	d->towns = arena_array(d->arena, 1000, sizeof(*d->towns));
	int rc = csv_next(reader, &f, &n, err);
	while (rc >= 0 && (rc = csv_next(reader, &f, &n, err)) == 1 && d->ntowns < 1000)
		if (n >= 2)
			d->towns[d->ntowns++] =
			    (struct town){str_dup(d->arena, f[0]), str_dup(d->arena, f[1])};
	return rc < 0 ? rc : 0;
}

static int add_residents(struct demo *d, struct db *db, struct err *err)
{
	for (int i = 0; i < d->nresidents; i++) {
		const struct example_name *family = &example_families[below(d, EXAMPLE_FAMILIES)],
		                          *given = &example_givens[below(d, EXAMPLE_GIVENS)];
		const struct town *town = &d->towns[below(d, d->ntowns)];
		const char *mail = arena_printf(d->arena, "resident%d@example.jp", i + 1);
		const char *postal =
		    arena_printf(d->arena, "%.3s-%s", town->postal_code, town->postal_code + 3);
		const char *birthday = arena_printf(d->arena, "%04d-%02d-%02d", 1945 + below(d, 60),
		    1 + below(d, 12), 1 + below(d, 28));
		json_t *profile = json_pack(
		    "{s:{s:s,s:s}, s:{s:s,s:s}, s:s, s:{s:s,s:s,s:s,s:s,s:o,s:s}, s:o, s:s}",
		    "name", "family", family->name, "given", given->name, "furigana", "family",
		    family->kana, "given", given->kana, "birthday", birthday, "address",
		    "postal_code", postal, "prefecture", "香川県", "city", "高松市", "town",
		    town->name, "street", json_sprintf("%d-%d", 1 + below(d, 30), 1 + below(d, 20)),
		    "building", "", "phone", json_sprintf("087-800-%04d", below(d, 10000)), "email",
		    mail);
		struct app_actor *a = &d->residents[i];
		int rc = resident_add(db, mail, d->hash, profile, i % 20 == 7 ? "en" : "ja",
		    &a->account, &a->person, err);
		a->id = arena_printf(d->arena, "resident:%" PRId64, a->account);
		if (!d->profiles[i])
			json_on_arena(d->arena, profile);
		d->profiles[i] = profile;
		if (rc < 0)
			return rc;
	}
	return 0;
}

static int add_people(struct db *db, void *arg, struct err *err)
{
	struct demo *d = arg;
	now_set_us(d->end_us - (int64_t)(OLD_DAYS + DAYS_BACK) * 86400 * 1000000);
	struct str csv;
	struct inventory_report report;
	int rc = add_departments(d, db, err);
	if (rc < 0 || (rc = add_offices(d, db, err)) < 0 || (rc = add_operators(d, db, err)) < 0 ||
	    (rc = add_residents(d, db, err)) < 0)
		return rc;
	return resource_find("packs/resident/inventory/procedures.csv", &csv)
	           ? inventory_import(db, d->arena, NULL, csv, "system", false, &report, err)
	           : 0;
}

/* --- applications --- */

static struct office *office_of(struct demo *d, const char *name)
{
	for (int i = 0; i < d->noffices; i++)
		if (name && strcmp(d->offices[i].name, name) == 0)
			return &d->offices[i];
	return &d->offices[0];
}

/* Who acts at a step of the route: by post in the own office, the head in a consulted one. */
static const struct app_actor *officer(struct demo *d, struct office *own, const json_t *step)
{
	const char *kind = json_string_value(json_object_get(step, "kind"));
	const char *department = json_string_value(json_object_get(step, "department_name"));
	struct office *o = text_eq(kind, "consult") && department ? office_of(d, department) : own;
	switch (rank_parse(json_string_value(json_object_get(step, "post")))) {
	case RANK_STAFF:
		return &o->clerks[1];
	case RANK_CHIEF:
		return &o->chiefs[0];
	case RANK_DIVISION:
	case RANK_MAYOR:
		return &o->division;
	default:
		return &o->head;
	}
}

/* The clock goes on by some hours, never beyond the real time. */
static void later(struct demo *d, int hours)
{
	d->now += (int64_t)(1 + below(d, hours)) * 3600 * 1000000;
	if (d->now > d->end_us)
		d->now = d->end_us;
	now_set_us(d->now);
}

/* The open steps of the route act, one after the other; at most `steps` of them. */
static int walk_route(struct demo *d, struct db *db, struct arena *a, struct office *o,
    const struct procedure *p, int64_t id, int steps, struct err *err)
{
	for (int i = 0; i < steps; i++) {
		struct application *app;
		json_t *view, *step, *open = NULL;
		size_t k;
		int rc = app_get(db, a, id, &app, err);
		if (rc < 0 || app->state != APP_APPROVAL)
			return rc;
		if ((rc = app_route_view(db, a, &app_system, app, p, &view, err)) < 0)
			return rc;
		json_array_foreach(json_object_get(view, "steps"), k, step)
		{
			if (!open &&
			    text_eq(json_string_value(json_object_get(step, "state")), "open"))
				open = step;
		}
		const struct app_actor *actor = open ? officer(d, o, open) : NULL;
		json_decref(view);
		if (!actor)
			return 0;
		later(d, 30);
		rc = route_act(db, a, actor, p, id, "approve", -1,
		    below(d, 3) ? NULL : "内容に問題ありません。", err);
		if (rc < 0)
			return rc;
	}
	return 0;
}

static int ask_correction(struct db *db, struct arena *a, const struct app_actor *clerk, int64_t id,
    int64_t now, struct err *err)
{
	json_t *fields = json_pack("[{s:s, s:s}]", "field", "attachments", "message", "");
	const char *due = date_format(a, date_add_days(date_of_us(now), 14));
	int rc = app_request_correction(
	    db, clerk, id, fields, "お手数ですが、内容をもう一度お確かめください。", due, err);
	json_decref(fields);
	return rc;
}

/* Why it is refused. */
static const char *refusal_of(const struct procedure *p)
{
	static const char *const reasons[][2] = {
	    {"nursery-place", "希望する施設では、利用調整の指数がより高い方で定員に達したため。"},
	    {"course-signup", "申込みの対象となる方に当たらないため。"},
	    {"disclosure-request",
	        "請求のあった公文書は、高松市情報公開条例に定める個人に関する情報に当たるため。"},
	    {"damage-certificate",
	        "調査の結果、申請のあった建物に住んでいる方を確認できなかったため。"},
	    {"long-term-care", "介護認定審査会の審査判定の結果、要介護状態及び要支援状態に当たらな"
	                       "いと認められたため。"},
	    {"outdoor-advertisement",
	        "表示する場所が、高松市屋外広告物条例で広告物の表示を禁止する地域に当たるため。"},
	    {"tax-certificate",
	        "証明する年度の市民税・県民税の申告がなく、所得を確認できないため。"},
	    {"seal-certificate", "印鑑登録証の番号が、印鑑登録原票と一致しないため。"},
	    {"change-of-address", "届け出られた住所に住んでいることを確認できないため。"},
	    {"child-allowance-status",
	        "お子さんを監護し、生計を同じくしていることを確認できないため。"},
	    {"dog-registration", "この犬は、すでに登録されているため。"},
	};
	for (size_t i = 0; i < COUNT(reasons); i++)
		if (strcmp(reasons[i][0], procedure_id(p)) == 0)
			return reasons[i][1];
	return "提出された書類では、要件を満たすことを確認できないため。";
}

static int draft_decision(struct demo *d, struct db *db, struct arena *a, const struct procedure *p,
    const struct app_actor *clerk, const struct application *app, const char *outcome,
    struct err *err)
{
	bool refused = strcmp(outcome, "refused") == 0;
	struct form_context context = {.lang = "ja",
	    .applicant_kind = app->applicant_kind,
	    .today = date_of_us(d->now),
	    .fee_yen = app->fee_yen,
	    .outcome = outcome,
	    .i18n = d->city->i18n};
	static const struct number_check card = {.number_by = "card", .person_by = "card"};
	if (!refused && number_check_missing(p, app->kids, app->answers)) {
		int checked = number_check_add(db, a, clerk, app->id, &card, err);
		if (checked < 0)
			return checked;
	}
	json_t *findings = form_example_findings(p, a, &context, app->answers, draw(d));
	int rc = route_start(
	    db, a, clerk, p, app->id, outcome, refused ? refusal_of(p) : NULL, findings, err);
	json_decref(findings);
	return rc;
}

/* Takes an application to the stage that was drawn for it. */
static int live(struct demo *d, struct db *db, struct arena *a, const struct procedure *p,
    const struct app_actor *who, int64_t id, int stage, struct err *err)
{
	struct office *o =
	    office_of(d, json_string_value(json_object_get(procedure_json(p), "department")));
	struct app_actor *clerk = &o->clerks[below(d, 2) ? 0 : 2];
	struct application *app;
	int rc = 0;
	if (stage == 1)
		return 0; /* submitted, nobody looked */
	later(d, 40);
	if (stage == 2)
		return app_withdraw(db, who, id, "都合により取り下げます。", err);
	if ((rc = app_accept(db, clerk, id, err)) < 0 || stage == 3)
		return rc;
	later(d, 20);
	if ((rc = app_assign(db, clerk, id, clerk->person, err)) < 0 || stage == 4)
		return rc;
	if (stage == 5)
		return ask_correction(db, a, clerk, id, d->now, err);
	/* Who is on the waiting list is not decided on before a place is free. */
	if ((rc = app_get(db, a, id, &app, err)) < 0 || text_eq(app->place, "waiting"))
		return rc;
	if (below(d, 6) == 0)
		rc = app_message(db, clerk, id, "note", "電話で内容を確認済み。", err);
	later(d, 50);
	bool refused = stage == STAGES - 1 && below(d, 2);
	if (rc == 0)
		rc = draft_decision(d, db, a, p, clerk, app, refused ? "refused" : "granted", err);
	if (rc < 0)
		return rc;
	if (stage == 6)
		return 0;
	if ((rc = walk_route(d, db, a, o, p, id, stage == 7 ? 1 : 10, err)) < 0 || stage <= 7)
		return rc;
	if ((rc = app_get(db, a, id, &app, err)) < 0)
		return rc;
	int64_t open = app->fee_yen - app->paid_yen;
	if (open > 0 && stage >= PAID_STAGE && !refused) {
		later(d, 60);
		/* Money is taken by the section's chief. */
		rc = app_record_payment(db, a, &o->chiefs[1], p, id, open, "cash", err);
	}
	return rc;
}

static bool kept_a_year(const struct procedure *p)
{
	const json_t *retention = json_object_get(procedure_json(p), "retention");
	return json_integer_value(json_object_get(retention, "years")) == 1;
}

/* Closed as the daily round does it, when the time for an appeal is over. */
static int close_old(struct demo *d, struct db *db, struct arena *a, int64_t id, struct err *err)
{
	struct application *app;
	int rc = app_get(db, a, id, &app, err);
	if (rc < 0 || (app->state != APP_GRANTED && app->state != APP_REFUSED))
		return rc; /* on a waiting list */
	d->now += (int64_t)100 * 86400 * 1000000;
	now_set_us(d->now);
	return app_close(db, &app_system, id, err);
}

static int add_application(struct demo *d, struct db *db, int64_t number, struct err *err)
{
	bool old = number < OLD_UNTIL && number % OLD_EVERY == 2;
	struct arena *a = arena_new();
	int r = below(d, d->nresidents);
	const struct app_actor *who = &d->residents[r];
	struct procedure *p;
	do
		p = d->procedures->items[below(d, d->procedures->n)];
	while (!procedure_online(p) || (old && !kept_a_year(p)));
	int stage = old ? PAID_STAGE : below(d, STAGES);
	/* Open ones are recent, done ones are spread over the whole time. */
	int days = stage >= 8 ? 5 + below(d, DAYS_BACK - 5) : below(d, 12);
	days += old ? OLD_DAYS : 0;
	d->now = d->end_us - (int64_t)days * 86400 * 1000000 - (int64_t)below(d, 86400) * 1000000;
	now_set_us(d->now);
	struct form_context context = {.lang = "ja",
	    .applicant_kind = "resident",
	    .today = date_of_us(d->now),
	    .profile = d->profiles[r],
	    .fee_yen = -1,
	    .i18n = d->city->i18n};
	const char *kind =
	    json_string_value(json_array_get(json_object_get(procedure_json(p), "applicants"), 0));
	context.applicant_kind = kind;
	json_t *answers = form_example(p, a, &context, draw(d), d->photo);
	int64_t id = 0;
	char *receipt;
	int rc = app_draft_new(db, who, p, kind, "online", answers, &id, err);
	json_decref(answers);
	if (rc == 0 && stage > 0)
		rc = app_submit(db, a, who, p, id, &context, NULL, &receipt, err);
	if (rc == 0 && stage > 0)
		rc = live(d, db, a, p, who, id, stage, err);
	if (rc == 0 && old)
		rc = close_old(d, db, a, id, err);
	if (rc < 0)
		rc = err_prefix(err, "application %" PRId64 " (%s, stage %d, field %s): ", number,
		    procedure_id(p), stage, err->field);
	arena_free(a);
	return rc;
}

static int add_batch(struct db *db, void *arg, struct err *err)
{
	struct demo *d = arg;
	uint64_t random = d->random;
	for (int64_t i = d->next; i < d->until; i++) {
		int rc = add_application(d, db, i, err);
		if (rc < 0) {
			d->random = random; /* the store may run the batch again */
			return rc;
		}
	}
	return 0;
}

/* The nightly job has not been there yet. */
static int add_statistics(struct db *db, void *arg, struct err *err)
{
	(void)arg;
	return app_statistics_refresh(db, err);
}

int demo_fill(struct city *city, int64_t size, int64_t seed, struct err *err)
{
	struct demo d = {.city = city,
	    .arena = arena_new(),
	    .random = (uint64_t)seed,
	    .end_us = now_us(),
	    .nresidents = size < 40                  ? 20
	                  : size / 2 > RESIDENTS_MAX ? RESIDENTS_MAX
	                                             : (int)(size / 2)};
	d.residents = arena_array(d.arena, (size_t)d.nresidents, sizeof(*d.residents));
	d.profiles = arena_array(d.arena, (size_t)d.nresidents, sizeof(*d.profiles));
	d.procedures = procedures_of(city, d.arena);
	struct progress *bar = progress_new("demo city");
	int rc = password_hash(d.arena, demo_password, &d.hash, err);
	struct str photo;
	if (rc == 0 && resource_find("data/demo/house.png", &photo))
		rc = blob_put(city->store, photo, d.photo, err);
	if (rc == 0)
		rc = read_towns(&d, err);
	if (rc == 0)
		rc = store_write(city->store, add_people, &d, err);
	for (d.next = 0; rc == 0 && d.next < size; d.next = d.until) {
		d.until = d.next + BATCH < size ? d.next + BATCH : size;
		rc = store_write(city->store, add_batch, &d, err);
		progress_set(bar, d.until, size);
	}
	now_set_us(0);
	if (rc == 0)
		rc = store_write(city->store, add_statistics, NULL, err);
	progress_free(bar);
	arena_free(d.arena);
	return rc;
}
