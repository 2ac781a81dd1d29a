/* Companies: whom an account acts for by what its GBizID says (法人番号, 委任). */
#include "identity/mandate/mandate.h"
#include "identity/private.h"

#include <string.h>

#include "base/json.h"
#include "base/time.h"

enum { WANTED_MAX = 51 }; /* the account's own company, and 50 delegations */

struct wanted {
	struct mandate list[WANTED_MAX];
	int n;
};

static struct mandate company(const char *number, const char *name)
{
	return (struct mandate){.state = "active",
	    .ground = "corporate",
	    .proof = "gbizid",
	    .proof_text = "",
	    .name = name,
	    .corporate_number = number,
	    .unit = "",
	    .scope = "",
	    .acts = MANDATE_ALL};
}

static const char *earlier(const char *a, const char *b)
{
	return strcmp(a, b) <= 0 ? a : b;
}

/* Another company's, in the services it named; one that names none of ours holds nothing. */
static void want_delegation(struct wanted *w, struct arena *a, const json_t *said, const char *unit,
    const char *day, const char *last)
{
	struct buf scope;
	const json_t *services = json_object_get(said, "services");
	const char *number = json_text(said, "number"), *from = json_text(said, "from"),
	           *until = json_text(said, "until");
	json_t *one;
	size_t i;
	if (!number || !until || strcmp(until, day) < 0 || w->n == WANTED_MAX ||
	    (services && json_array_size(services) == 0))
		return;
	buf_init(&scope, a);
	buf_puts(&scope, "");
	json_array_foreach(services, i, one)
	    buf_printf(&scope, "%s%s", scope.n ? " " : "", json_string_value(one));
	struct mandate m = company(number, json_text(said, "name"));
	m.unit = unit;
	m.scope = scope.p;
	m.from = from ? from : day;
	m.until = earlier(until, strcmp(m.from, last) > 0 ? until : last);
	w->list[w->n++] = m;
}

static void want_all(struct wanted *w, struct arena *a, const json_t *said)
{
	char day[DAY_SIZE];
	const char *number = json_text(said, "number"), *name = json_text(said, "name"),
	           *unit = json_text(said, "department");
	json_t *one;
	size_t i;
	if (!number || text_eq(json_text(said, "account"), "entry"))
		return;
	today(day);
	const char *last = date_format(a, date_add_days(date_of_us(now_us()), MANDATE_TRUST_DAYS));
	struct mandate m = company(number, name && name[0] ? name : number);
	m.unit = unit ? unit : "";
	m.sees_all = text_eq(json_text(said, "account"), "prime");
	m.from = arena_strdup(a, day);
	m.until = last;
	w->list[w->n++] = m;
	json_array_foreach(json_object_get(said, "delegations"), i, one)
	    want_delegation(w, a, one, m.name, m.from, last);
}

static bool same(const struct mandate *is, const struct mandate *wanted)
{
	return text_eq(is->name, wanted->name) && text_eq(is->unit, wanted->unit) &&
	       is->sees_all == wanted->sees_all && text_eq(is->scope, wanted->scope) &&
	       text_eq(is->until, wanted->until);
}

int mandate_organisations(
    struct db *db, const char *actor, int64_t account, const json_t *organisation, struct err *err)
{
	struct arena *a = arena_new();
	struct wanted *w = arena_new_of(a, struct wanted);
	struct mandate *there;
	int64_t id;
	bool kept[WANTED_MAX] = {false};
	want_all(w, a, organisation);
	int n = mandate_of_agent(db, a, account, &there, err), rc = n < 0 ? n : 0;
	for (int i = 0; i < n && rc == 0; i++) {
		int k = 0;
		if (!text_eq(there[i].proof, "gbizid") || !text_eq(there[i].state, "active"))
			continue;
		while (k < w->n && (kept[k] || !text_eq(w->list[k].corporate_number,
		                                   there[i].corporate_number)))
			k++;
		if (k == w->n) {
			rc = mandate_end(db, actor, there[i].id, false, "", err);
			continue;
		}
		kept[k] = true;
		if (strcmp(there[i].from, w->list[k].from) < 0)
			w->list[k].from = there[i].from;
		if (!same(&there[i], &w->list[k]))
			rc = mandate_renew(db, actor, there[i].id, &w->list[k], err);
	}
	for (int k = 0; k < w->n && rc == 0; k++) {
		w->list[k].agent = account;
		if (!kept[k])
			rc = mandate_make(db, actor, &w->list[k], &id, err);
	}
	arena_free(a);
	return rc;
}
