/* What lists and pages show of a definition, made once in each language: every visitor asks for it.
 */
#include "base/json.h"
#include "procedure/definition/private.h"

static const char *text_in(const json_t *of, const char *key, const char *lang)
{
	return words_in(json_object_get(of, key), lang);
}

static json_t *card(const struct procedure *p, const char *lang)
{
	return json_pack("{s:s, s:s, s:s?, s:s?, s:b}", "id", procedure_id(p), "title",
	    procedure_text(p, "title", lang), "summary", procedure_text(p, "summary", lang),
	    "department", json_text(p->json, "department"), "online", (int)procedure_online(p));
}

/* {document, law, article} of what the city holds. */
static json_t *held_documents(const json_t *def, const char *lang)
{
	json_t *out = json_array(), *held;
	size_t i;
	json_array_foreach(json_object_get(def, "held_by_city"), i, held)
	{
		const json_t *law = json_object_get(held, "law");
		json_array_append_new(out,
		    json_pack("{s:s?, s:s?, s:s?}", "document", text_in(held, "document", lang),
		        "law", json_text(law, "name"), "article", json_text(law, "article")));
	}
	return out;
}

static json_t *attachments(const json_t *def, const char *lang)
{
	json_t *out = json_array(), *slot;
	size_t i;
	json_array_foreach(json_object_get(def, "attachments"), i, slot)
	{
		const json_t *required = json_object_get(slot, "required");
		bool always =
		    json_is_true(required) || text_eq(json_string_value(required), "true");
		bool sometimes = json_is_string(required) || json_object_get(slot, "when");
		json_array_append_new(
		    out, json_pack("{s:s?, s:s?, s:b, s:b}", "label", text_in(slot, "label", lang),
		             "help", text_in(slot, "help", lang), "always", (int)always,
		             "sometimes", (int)sometimes));
	}
	return out;
}

static json_t *applicants(const json_t *def)
{
	json_t *out = json_array(), *kind;
	size_t i;
	json_array_foreach(json_object_get(def, "applicants"), i, kind)
	{
		json_array_append_new(
		    out, json_pack("{s:O, s:o, s:b}", "value", kind, "label_key",
		             json_sprintf("procedure.applicant.%s", json_string_value(kind)),
		             "first", i == 0));
	}
	return out;
}

/* A guess at how long filling in takes: 20 seconds for a field, a minute for a file, in steps of
 * five minutes. */
static int minutes_to_fill_in(const json_t *def)
{
	size_t i, fields = 0, files = json_array_size(json_object_get(def, "attachments"));
	json_t *section;
	json_array_foreach(json_object_get(def, "sections"), i, section)
	{
		fields += json_array_size(json_object_get(section, "fields"));
	}
	return (int)((fields * 20 + files * 60) / 300 + 1) * 5;
}

void procedure_assurance(const struct procedure *p, int *identity, int *authentication)
{
	const json_t *assurance = json_object_get(p->json, "assurance");
	*identity = (int)json_integer_value(json_object_get(assurance, "identity"));
	*authentication = (int)json_integer_value(json_object_get(assurance, "authentication"));
}

/* Catalogue keys of what an applicant must bring to prove who they are; what everybody has is not
 * said. */
static json_t *proofs(const struct procedure *p)
{
	int identity, authentication;
	json_t *out = json_array();
	procedure_assurance(p, &identity, &authentication);
	if (identity > 1)
		json_array_append_new(
		    out, json_pack(
		             "{s:o}", "key", json_sprintf("procedure.show.identity.%d", identity)));
	if (authentication > 1)
		json_array_append_new(
		    out, json_pack("{s:o}", "key",
		             json_sprintf("procedure.show.authentication.%d", authentication)));
	return out;
}

static json_t *facts(const struct procedure *p, const char *lang)
{
	const json_t *def = p->json, *period = json_object_get(def, "period"),
	             *fee = json_object_get(def, "fee"), *offline = json_object_get(def, "offline");
	json_t *kinds = applicants(def);
	return json_pack(
	    "{s:s, s:i, s:o, s:O*, s:o, s:o, s:o, s:b, s:O*, s:b, s:s*, s:O*, s:b, s:s*, s:s*}",
	    "title", procedure_text(p, "title", lang), "minutes", minutes_to_fill_in(def), "proofs",
	    proofs(p), "laws", json_object_get(def, "law"), "held", held_documents(def, lang),
	    "attachments", attachments(def, lang), "applicants", kinds, "several_kinds",
	    json_array_size(kinds) > 1, "period_days", json_object_get(period, "days"),
	    "period_business", (int)text_eq(json_text(period, "kind"), "business"), "fee_label",
	    text_in(fee, "label", lang), "fee_yen", json_object_get(fee, "amount"), "has_fee",
	    (int)json_is_object(fee), "where", text_in(offline, "where", lang), "how",
	    text_in(offline, "how", lang));
}

void definition_views_make(struct procedure *p)
{
	p->cards = json_object();
	p->facts = json_object();
	const char *lang;
	json_t *title;
	json_object_foreach(json_object_get(p->json, "title"), lang, title)
	{
		json_object_set_new(p->cards, lang, card(p, lang));
		json_object_set_new(p->facts, lang, facts(p, lang));
	}
}

static json_t *in_language(const json_t *views, const char *lang)
{
	json_t *view = json_object_get(views, lang);
	return view ? view : json_object_get(views, "ja");
}

json_t *procedure_card(const struct procedure *p, const char *lang)
{
	return in_language(p->cards, lang);
}

json_t *procedure_facts(const struct procedure *p, const char *lang)
{
	return in_language(p->facts, lang);
}
