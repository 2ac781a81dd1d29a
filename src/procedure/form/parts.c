/* Field types that are composed of parts: names, addresses, bank accounts. */
#include "procedure/form/private.h"

#include <string.h>

#include "base/check.h"
#include "base/postal.h"
#include "base/text.h"

/* How a part is made even. */
enum fold { FOLD_PLAIN, FOLD_KATAKANA, FOLD_HALF, FOLD_POSTAL, FOLD_DIGITS, FOLD_CHOICE };

struct part {
	const char *key;
	const char *label; /* catalogue key */
	enum fold fold;
	bool required; /* when the whole is given */
	int max;
	const char *autocomplete, *inputmode;
};

struct composed {
	const struct part *parts;
	int n;
};

static const struct part family_given[] = {
    {"family", "form.name.family", FOLD_PLAIN, true, 50, "family-name", NULL},
    {"given", "form.name.given", FOLD_PLAIN, true, 50, "given-name", NULL},
};
static const struct part family_given_kana[] = {
    {"family", "form.furigana.family", FOLD_KATAKANA, true, 50, NULL, NULL},
    {"given", "form.furigana.given", FOLD_KATAKANA, true, 50, NULL, NULL},
};
static const struct part address_parts[] = {
    {"postal_code", "form.address.postal_code", FOLD_POSTAL, true, 8, "postal-code", "numeric"},
    {"prefecture", "form.address.prefecture", FOLD_PLAIN, true, 4, "address-level1", NULL},
    {"city", "form.address.city", FOLD_PLAIN, true, 40, "address-level2", NULL},
    {"town", "form.address.town", FOLD_HALF, true, 80, "address-level3", NULL},
    {"street", "form.address.street", FOLD_HALF, false, 80, "address-line1", NULL},
    {"building", "form.address.building", FOLD_HALF, false, 80, "address-line2", NULL},
};
static const struct part bank_parts[] = {
    {"bank", "form.bank.bank", FOLD_HALF, true, 40, NULL, NULL},
    {"branch", "form.bank.branch", FOLD_HALF, true, 40, NULL, NULL},
    {"kind", "form.bank.kind", FOLD_CHOICE, true, 10, NULL, NULL},
    {"number", "form.bank.number", FOLD_DIGITS, true, 7, NULL, "numeric"},
    {"holder", "form.bank.holder", FOLD_KATAKANA, true, 60, NULL, NULL},
};
static const char *const bank_kinds[] = {"ordinary", "current", "savings"};

static const char *const prefectures[] = {"北海道", "青森県", "岩手県", "宮城県", "秋田県",
    "山形県", "福島県", "茨城県", "栃木県", "群馬県", "埼玉県", "千葉県", "東京都", "神奈川県",
    "新潟県", "富山県", "石川県", "福井県", "山梨県", "長野県", "岐阜県", "静岡県", "愛知県",
    "三重県", "滋賀県", "京都府", "大阪府", "兵庫県", "奈良県", "和歌山県", "鳥取県", "島根県",
    "岡山県", "広島県", "山口県", "徳島県", "香川県", "愛媛県", "高知県", "福岡県", "佐賀県",
    "長崎県", "熊本県", "大分県", "宮崎県", "鹿児島県", "沖縄県"};
_Static_assert(COUNT(prefectures) == 47, "all prefectures");

static struct composed parts_of(const struct field *f)
{
	switch (f->type) {
	case FIELD_ADDRESS:
		return (struct composed){address_parts, COUNT(address_parts)};
	case FIELD_BANK_ACCOUNT:
		return (struct composed){bank_parts, COUNT(bank_parts)};
	case FIELD_FURIGANA:
		return (struct composed){family_given_kana, COUNT(family_given_kana)};
	default:
		return (struct composed){family_given, COUNT(family_given)};
	}
}

/* 7608571 as 760-8571; anything else as it is. */
static const char *postal_form(struct arena *a, const char *digits)
{
	if (strlen(digits) != 7 || strspn(digits, "0123456789") != 7)
		return digits;
	return arena_printf(a, "%.3s-%s", digits, digits + 3);
}

static const char *folded(struct arena *a, const struct part *p, const char *value)
{
	switch (p->fold) {
	case FOLD_KATAKANA:
		return folded_text(a, value, text_to_katakana);
	case FOLD_HALF:
		return folded_text(a, value, text_to_half_width);
	case FOLD_DIGITS:
		return folded_text(a, value, text_fold_digits);
	case FOLD_POSTAL: {
		const char *s = folded_text(a, value, text_fold_digits);
		return postal_form(a, str_starts(str_from(s), "〒") ? s + strlen("〒") : s);
	}
	default:
		return clean_text(a, value, false);
	}
}

static json_t *even_parts(const struct form *fm, const struct field *f, const json_t *value)
{
	struct composed c = parts_of(f);
	json_t *even = json_object();
	for (int i = 0; i < c.n; i++) {
		const char *text = folded(
		    fm->arena, &c.parts[i], typed_text(json_object_get(value, c.parts[i].key)));
		if (text[0])
			json_object_set_new(even, c.parts[i].key, json_string(text));
	}
	return even;
}

static json_t *take_parts(const struct take *t)
{
	struct composed c = parts_of(t->field);
	json_t *value = json_object();
	for (int i = 0; i < c.n; i++) {
		const struct part *p = &c.parts[i];
		const char *sent = control_get(t->controls, part_name(t->fm, t->name, p->key));
		const char *text = sent ? folded(t->fm->arena, p, sent)
		                        : typed_text(json_object_get(t->old, p->key));
		if (text[0])
			json_object_set_new(value, p->key, json_string(text));
	}
	/* The kind of account has a value from the start: alone it is nothing. */
	bool only_kind = json_object_size(value) == 1 && json_object_get(value, "kind");
	if (json_object_size(value) && !only_kind)
		return value;
	json_decref(value);
	return NULL;
}

static bool parts_filled(const json_t *value)
{
	return !json_is_object(value) || json_object_size(value) > 0;
}

static bool known_prefecture(const char *s)
{
	for (size_t i = 0; i < COUNT(prefectures); i++)
		if (strcmp(prefectures[i], s) == 0)
			return true;
	return false;
}

static bool known_kind(const char *s)
{
	for (size_t i = 0; i < COUNT(bank_kinds); i++)
		if (strcmp(bank_kinds[i], s) == 0)
			return true;
	return false;
}

/* The catalogue key of what is wrong with a part; NULL: nothing. */
static const char *part_problem(const struct part *p, const char *s)
{
	struct str text = str_from(s);
	switch (p->fold) {
	case FOLD_KATAKANA:
		return strcmp(p->key, "holder") != 0 && !text_is_katakana(text) ? "form.furigana"
		                                                                : NULL;
	case FOLD_POSTAL:
		return check_postal_code(text) ? NULL : "form.postal_code";
	case FOLD_DIGITS:
		return check_account_number(text) ? NULL : "form.bank.number.wrong";
	case FOLD_CHOICE:
		return known_kind(s) ? NULL : "form.choice";
	default:
		return strcmp(p->key, "prefecture") == 0 && !known_prefecture(s) ? "form.prefecture"
		                                                                 : NULL;
	}
}

static void check_parts(
    struct form *fm, const struct field *f, const char *name, const json_t *value)
{
	struct composed c = parts_of(f);
	if (!json_is_object(value)) {
		form_say(fm, name, f, "form.text", NULL);
		return;
	}
	for (int i = 0; i < c.n; i++) {
		const struct part *p = &c.parts[i];
		const char *s = typed_text(json_object_get(value, p->key)), *wrong = NULL;
		if (s[0])
			wrong = part_problem(p, s);
		else if (p->required)
			wrong = "form.required.part";
		if (!wrong && utf8_length(str_from(s)) > (size_t)p->max)
			wrong = "form.part_too_long";
		if (wrong)
			form_say(fm, part_name(fm, name, p->key), f, wrong, "part",
			    form_tr(fm, p->label, NULL), "max",
			    arena_printf(fm->arena, "%d", p->max), NULL);
	}
}

json_t *part_view(struct form *fm, const char *name, const char *part, const char *label_key,
    const char *value, int max)
{
	const char *control = part_name(fm, name, part);
	json_t *v = json_pack("{s:s, s:s, s:s, s:s}", "id", control, "name", control, "label",
	    form_tr(fm, label_key, NULL), "value", value ? value : "");
	if (max)
		json_object_set_new(v, "max", json_integer(max));
	return v;
}

static json_t *kind_options(struct form *fm, const char *selected)
{
	json_t *options = json_array();
	for (size_t i = 0; i < COUNT(bank_kinds); i++)
		json_array_append_new(options,
		    json_pack("{s:s, s:s, s:b}", "value", bank_kinds[i], "label",
		        form_tr(
		            fm, arena_printf(fm->arena, "form.bank.kind.%s", bank_kinds[i]), NULL),
		        "selected",
		        strcmp(bank_kinds[i], selected[0] ? selected : "ordinary") == 0));
	return options;
}

static void view_parts(struct form *fm, const struct field *f, const char *name,
    const json_t *value, const char *mode, json_t *view)
{
	(void)mode;
	struct composed c = parts_of(f);
	json_t *parts = json_object(), *list = json_array(), *values = json_object();
	bool own = f->prefill != PREFILL_NONE;
	if (own && f->type == FIELD_ADDRESS)
		json_object_set_new(view, "own", json_true());
	for (int i = 0; i < c.n; i++) {
		const struct part *p = &c.parts[i];
		const char *s = typed_text(json_object_get(value, p->key));
		json_t *v = part_view(fm, name, p->key, p->label, s, p->max);
		json_object_set_new(values, p->key, json_string(s));
		if (own && p->autocomplete)
			json_object_set_new(v, "autocomplete", json_string(p->autocomplete));
		json_object_set_new(v, p->required ? "required" : "optional", json_true());
		if (p->inputmode)
			json_object_set_new(v, "inputmode", json_string(p->inputmode));
		if (p->fold == FOLD_CHOICE)
			json_object_set_new(v, "options", kind_options(fm, s));
		json_object_set(parts, p->key, v);
		json_array_append_new(list, v);
	}
	json_object_set_new(view, "parts", parts);
	json_object_set_new(view, "part_list", list);
	json_object_set_new(view, "value", values);
}

static const char *at(const json_t *value, const char *key)
{
	return typed_text(json_object_get(value, key));
}

static const char *text_of_name(struct form *fm, const struct field *f, const json_t *value)
{
	(void)f;
	const char *family = at(value, "family"), *given = at(value, "given");
	return arena_printf(fm->arena, "%s%s%s", family, family[0] && given[0] ? "　" : "", given);
}

static const char *text_of_address(struct form *fm, const struct field *f, const json_t *value)
{
	(void)f;
	const char *postal = at(value, "postal_code"), *building = at(value, "building");
	return arena_printf(fm->arena, "%s%s%s%s%s%s%s%s%s", postal[0] ? "〒" : "", postal,
	    postal[0] ? "\n" : "", at(value, "prefecture"), at(value, "city"), at(value, "town"),
	    at(value, "street"), building[0] ? " " : "", building);
}

static const char *text_of_bank(struct form *fm, const struct field *f, const json_t *value)
{
	(void)f;
	const char *kind = at(value, "kind");
	return arena_printf(fm->arena, "%s %s\n%s %s\n%s", at(value, "bank"), at(value, "branch"),
	    known_kind(kind) ? form_tr(fm, arena_printf(fm->arena, "form.bank.kind.%s", kind), NULL)
	                     : kind,
	    at(value, "number"), at(value, "holder"));
}

static json_t *schema_parts(const struct field *f, const char *lang)
{
	(void)lang;
	struct composed c = parts_of(f);
	json_t *properties = json_object(), *required = json_array();
	for (int i = 0; i < c.n; i++) {
		const struct part *p = &c.parts[i];
		json_t *s = json_pack("{s:s, s:i}", "type", "string", "maxLength", p->max);
		if (p->fold == FOLD_POSTAL)
			json_object_set_new(s, "pattern", json_string("^[0-9]{3}-[0-9]{4}$"));
		if (p->fold == FOLD_DIGITS)
			json_object_set_new(s, "pattern", json_string("^[0-9]{7}$"));
		if (p->fold == FOLD_CHOICE)
			json_object_set_new(s, "enum",
			    json_pack("[sss]", bank_kinds[0], bank_kinds[1], bank_kinds[2]));
		json_object_set_new(properties, p->key, s);
		if (p->required)
			json_array_append_new(required, json_string(p->key));
	}
	return json_pack("{s:s, s:o, s:o, s:b}", "type", "object", "properties", properties,
	    "required", required, "additionalProperties", 0);
}

static json_t *example_address(struct form *fm, const struct field *f, uint64_t *seed)
{
	(void)fm;
	(void)f;
	static const struct {
		const char *postal, *town;
	} towns[] = {{"760-0017", "番町"}, {"760-0042", "大工町"}, {"761-0113", "屋島西町"},
	    {"760-0073", "栗林町"}, {"761-8071", "伏石町"}};
	int i = seed_below(seed, COUNT(towns));
	json_t *v = json_pack("{s:s, s:s, s:s, s:s}", "postal_code", towns[i].postal, "prefecture",
	    "香川県", "city", "高松市", "town", towns[i].town);
	json_object_set_new(v, "street",
	    json_sprintf("%d丁目%d-%d", 1 + seed_below(seed, 5), 1 + seed_below(seed, 20),
	        1 + seed_below(seed, 20)));
	return v;
}

static json_t *example_bank(struct form *fm, const struct field *f, uint64_t *seed)
{
	(void)f;
	json_t *v = json_pack("{s:s, s:s, s:s, s:s}", "bank", "見本銀行", "branch", "本店", "kind",
	    bank_kinds[seed_below(seed, 2)], "holder", example_holder(fm));
	json_object_set_new(v, "number", json_sprintf("%07d", seed_below(seed, 10000000)));
	return v;
}

const struct type_ops name_ops = {.take = take_parts,
    .even = even_parts,
    .check = check_parts,
    .filled = parts_filled,
    .view = view_parts,
    .text = text_of_name,
    .schema = schema_parts,
    .example = example_name,
    .required_key = "form.required.text"};
const struct type_ops address_ops = {.take = take_parts,
    .even = even_parts,
    .check = check_parts,
    .filled = parts_filled,
    .view = view_parts,
    .text = text_of_address,
    .schema = schema_parts,
    .example = example_address,
    .required_key = "form.required.text",
    .wide = true};
const struct type_ops bank_ops = {.take = take_parts,
    .even = even_parts,
    .check = check_parts,
    .filled = parts_filled,
    .view = view_parts,
    .text = text_of_bank,
    .schema = schema_parts,
    .example = example_bank,
    .required_key = "form.required.text",
    .wide = true};
