/* The module's table. */
#include "base/time.h"
#include "trail/alert.h"
#include "trail/pages.h"
#include "trail/private.h"

enum { DAILY_HOUR = 3 };

static const struct input reason_inputs[] = {
    {"subject", "string", true, 60},
    {"reason", "string", false, 300},
    {"next", "string", false, 500},
    {0},
};

static const struct input my_inputs[] = {
    {"after", "string", false, 60},
    {"print", "boolean", false, 5},
    {0},
};
#define SEARCH_INPUTS                                                                              \
	{"q", "string", false, 200}, {"who", "string", false, 100},                                \
	    {"whom", "string", false, 254}, {"kind", "string", false, 20},                         \
	    {"department", "string", false, 20}, {"procedure", "string", false, 80},               \
	    {"from", "date", false, 40}, {"until", "date", false, 40},                             \
	{                                                                                          \
		"beyond", "string", false, 5                                                       \
	}
static const struct input search_inputs[] = {SEARCH_INPUTS, {"after", "string", false, 60}, {0}};
static const struct input csv_inputs[] = {SEARCH_INPUTS, {0}};

static const struct input ask_inputs[] = {{"text", "string", false, 2000}, {0}};
static const struct input alerts_inputs[] = {
    {"state", "string", false, 20}, {"before", "integer", false, 20}, {0}};
static const struct input alert_inputs[] = {{"text", "string", false, 2000},
    {"finding", "string", false, 20}, {"to", "string", false, 20}, {"due", "date", false, 40}, {0}};

static const struct route routes[] = {
    {HTTP_GET, "/my/readings/ask", ask_get, .perm = "resident", .template = "trail/ask",
        .summary = "Form to ask the security officers about a reading."},
    {HTTP_POST, "/my/readings/ask", ask_post, .perm = "resident", .template = "trail/ask",
        .inputs = ask_inputs, .rate = RATE_WRITE,
        .summary = "Asks the security officers about a reading."},
    {HTTP_GET, "/staff/trail/alerts", alerts_show, .perm = "trail.search",
        .template = "trail/alerts", .inputs = alerts_inputs,
        .summary = "Alerts and questions of residents, by state; mine: what one looks into."},
    {HTTP_POST, "/staff/trail/alerts", alerts_check, .perm = "trail.search", .rate = RATE_WRITE,
        .summary = "Runs the rules for today and yesterday at once."},
    {HTTP_GET, "/staff/trail/alerts/{id}", alert_show, .perm = "trail.search",
        .template = "trail/alert", .summary = "An alert with its readings and history."},
    {HTTP_POST, "/staff/trail/alerts/{id}/{verb}", alert_act, .perm = "trail.search",
        .template = "trail/alert", .inputs = alert_inputs, .rate = RATE_WRITE,
        .summary = "take, assign (to, due), note, answer, close (finding, text), reopen."},
    {HTTP_GET, "/my/readings", my_readings, .perm = "resident", .template = "trail/my",
        .inputs = my_inputs, .summary = "Who read or changed what of mine, when and why."},
    {HTTP_GET, "/my/readings.csv", my_readings_csv, .perm = "resident", .flags = ROUTE_RAW,
        .summary = "The same as CSV."},
    {HTTP_GET, "/staff/trail", trail_search, .perm = "trail.search", .template = "trail/search",
        .inputs = search_inputs, .summary = "The trail of readings and changes, newest first."},
    {HTTP_GET, "/staff/trail.csv", trail_search_csv, .perm = "trail.search", .inputs = csv_inputs,
        .flags = ROUTE_RAW, .summary = "The trail of a filter as CSV."},
    {HTTP_POST, "/staff/reason", reason_post, .perm = "staff", .template = "trail/reason",
        .inputs = reason_inputs, .rate = RATE_WRITE,
        .summary = "Says why one looks at a record beyond one's own work; counts for some hours."},
};

static const struct perm perms[] = {
    {"trail.search", "trail.perm.search"},
};

static const struct menu_item menu[] = {
    {"trail.my.title", "/my/readings", "resident", "resident", 60},
    {"trail.menu.search", "/staff/trail", "trail.search", "admin", 20},
    {"trail.alerts.title", "/staff/trail/alerts", "trail.search", "admin", 21},
};

/* --- the daily job --- */

static int plan(struct db *db, void *arg, struct err *err)
{
	(void)arg;
	int64_t day = INT64_C(86400000000),
	        at = date_start_us(date_of_us(now_us())) + DAILY_HOUR * INT64_C(3600000000);
	return job_add(db, "trail.daily", NULL, at > now_us() ? at : at + day, "trail.daily", err);
}

static int seal_changes(struct db *db, void *arg, struct err *err)
{
	(void)arg;
	return trail_put(db, NULL, err);
}

/* Seals what no server sealed, removes what is past its time, and comes again tomorrow. */
static int daily(
    struct store *store, void *context, struct arena *a, json_t *payload, struct err *err)
{
	(void)payload;
	int64_t years = context ? city_setting_i64(context, "trail.years", 5) : 5;
	int rc = store_write(store, seal_changes, NULL, err);
	if (rc == 0 && context)
		rc = rules_run(
		    store, context, a, date_add_days(date_of_us(now_us()), -1), false, err);
	if (rc == 0 && years > 0)
		rc = trail_expire(store, now_us() - years * 365 * INT64_C(86400000000), err);
	return rc < 0 ? rc : store_write(store, plan, NULL, err);
}

/* A minute after something was noted: the worst is not left until tomorrow. */
static int watch(
    struct store *store, void *context, struct arena *a, json_t *payload, struct err *err)
{
	(void)payload;
	return context ? rules_run(store, context, a, date_of_us(now_us()), true, err) : 0;
}

static const struct job_kind jobs[] = {
    {.name = "trail.watch", .max_tries = 3, .run = watch},
    {.name = "trail.daily", .max_tries = 5, .run = daily},
};

static int opened(struct city *city, struct err *err)
{
	int rc = trail_open(city, err);
	return rc < 0 ? rc : store_write(city->store, plan, NULL, err);
}

static const struct journal_verifier *const verifiers[] = {&trail_verifier, &alert_verifier};

const struct module trail_module = {
    .name = "trail",
    .slot = SLOT_TRAIL,
    .migrations = true,
    .routes = routes,
    .nroutes = COUNT(routes),
    .perms = perms,
    .nperms = COUNT(perms),
    .menu = menu,
    .nmenu = COUNT(menu),
    .jobs = jobs,
    .njobs = COUNT(jobs),
    .statements = trail_statements,
    .nstatements = TRAIL_SQL_COUNT,
    .verifiers = verifiers,
    .nverifiers = COUNT(verifiers),
    .city_open = opened,
    .city_close = trail_close,
};
