/* What a signature certificate says of its holder, beside what the account says; and that this
 * proves who they are. */
#include "identity/card/card.h"

#include "base/time.h"
#include "identity/basic.h"

/* The profile's items; a certificate says of each a text, and the same with 〓 where the card has
 * another character than the certificate can say. Sex is no item of an account. */
static const struct {
	const char *name, *marked, *label;
} items[] = {{"name", "name_marked", "identity.field.name"},
    {"birthday", "birthday", "identity.field.birthday"},
    {"address", "address_marked", "identity.field.address"}};

int card_items(struct request *rq, const struct pki_certificate *c, json_t **out, struct err *err)
{
	struct arena *a = rq->arena;
	const struct pki_basic *b = &c->basic;
	const char *issuer = pki_name_text(a, c->issuer), *serial = pki_serial_text(a, c->serial);
	char *reference;
	struct db *db = rq_db(rq, err);
	int rc =
	    db ? identity_blind(db, a, issuer, str_from(serial), &reference, err) : -(int)ERR_STORE;
	if (rc < 0)
		return rc;
	*out = json_on_arena(
	    a, json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s}", "name", str_dup(a, b->name),
	           "name_marked", pki_with_substitutes(a, b->name, b->name_substitutes), "birthday",
	           b->birthday.year ? date_format(a, b->birthday) : "", "address",
	           str_dup(a, b->address), "address_marked",
	           pki_with_substitutes(a, b->address, b->address_substitutes), "issuer", issuer,
	           "reference", reference, "until", date_format(a, date_of_us(c->until_us))));
	return 0;
}

static const char *said(const json_t *proven, size_t i)
{
	return json_text_or(proven, items[i].marked, "");
}

static bool agrees(struct arena *a, const json_t *proven, const json_t *profile, size_t i)
{
	const char *there = basic_text(a, json_object_get(profile, items[i].name));
	return said(proven, i)[0] && basic_same(a, said(proven, i), there);
}

bool card_agrees(struct arena *a, const json_t *proven, const json_t *profile)
{
	bool all = true;
	for (size_t i = 0; i < COUNT(items); i++)
		all = all && agrees(a, proven, profile, i);
	return all;
}

/* For people: a date in words, a name in its two parts. */
static const char *shown(struct request *rq, const char *text, const json_t *profile, size_t i)
{
	struct date d;
	const char *family = json_path_text(profile, "name.family");
	if (text[0] && i == 0 && family)
		return arena_printf(rq->arena, "%s %s", family,
		    json_text_or(json_object_get(profile, "name"), "given", ""));
	return i == 1 && date_parse(str_from(text), &d) ? date_text(rq->arena, d, rq->lang) : text;
}

json_t *card_rows(struct request *rq, const json_t *proven, const json_t *profile)
{
	json_t *rows = json_array();
	for (size_t i = 0; i < COUNT(items); i++) {
		const char *there = basic_text(rq->arena, json_object_get(profile, items[i].name));
		bool same = agrees(rq->arena, proven, profile, i);
		json_array_append_new(
		    rows, json_pack("{s:s, s:s, s:s, s:b, s:b}", "label", rq_tr(rq, items[i].label),
		              "card", shown(rq, said(proven, i), NULL, i), "account",
		              shown(rq, there, profile, i), "same", (int)same, "differs",
		              (int)(there[0] && !same)));
	}
	return rows;
}

void card_fill(struct arena *a, const json_t *proven, json_t *profile)
{
	for (size_t i = 0; i < COUNT(items); i++) {
		const char *text = json_text_or(proven, items[i].name, "");
		if (!text[0] || agrees(a, proven, profile, i))
			continue;
		json_t *value = i == 0   ? basic_name(a, text)
		                : i == 1 ? json_string(text)
		                         : basic_address(a, text);
		if (value)
			json_object_set_new(profile, items[i].name, value);
	}
}

int card_prove(
    struct db *db, const char *actor, int64_t person, const json_t *proven, struct err *err)
{
	struct arena *a = arena_new();
	struct proof *list, proof = {.person = person,
	                        .level = ASSURANCE_MAX,
	                        .method = "card",
	                        .issuer = json_text_or(proven, "issuer", ""),
	                        .reference = json_text_or(proven, "reference", ""),
	                        .until = json_text(proven, "until")};
	int n = proof_list(db, a, person, &list, err), rc = n < 0 ? n : 1;
	for (int i = 0; i < n; i++)
		if (!list[i].ended_us && text_eq(list[i].reference, proof.reference) &&
		    text_eq(list[i].issuer, proof.issuer))
			rc = 0;
	if (rc > 0) {
		rc = proof_add(db, actor, &proof, err);
		rc = rc < 0 ? rc : 1;
	}
	arena_free(a);
	return rc;
}

int card_prove_if_agrees(struct request *rq, struct db *db, const json_t *proven, struct err *err)
{
	json_t *profile = NULL;
	int rc =
	    rq->actor.person ? person_profile(db, rq->arena, rq->actor.person, &profile, err) : 0;
	if (rc < 0 || !profile || !card_agrees(rq->arena, proven, profile))
		return rc;
	return card_prove(db, rq->actor.id, rq->actor.person, proven, err);
}
