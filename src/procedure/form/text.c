/* Field types whose answer is one text or number. */
#include "procedure/form/private.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/text.h"

static const char *own_control(const struct take *t)
{
	const char *v = control_get(t->controls, t->name);
	return v ? v : "";
}

static void set_text(json_t *view, const char *key, const char *text)
{
	json_object_set_new(view, key, json_string(text ? text : ""));
}

static const char *plain_text(struct form *fm, const struct field *f, const json_t *value)
{
	(void)fm;
	(void)f;
	return typed_text(value);
}

static void view_typed(struct form *fm, const struct field *f, const char *name,
    const json_t *value, const char *mode, json_t *view)
{
	(void)fm;
	(void)f;
	(void)name;
	(void)mode;
	set_text(view, "value", typed_text(value));
}

static bool text_filled(const json_t *value)
{
	return !json_is_string(value) || json_string_length(value) > 0;
}

static json_t *text_schema(const char *format, int64_t max)
{
	json_t *s = json_pack("{s:s}", "type", "string");
	if (format)
		json_object_set_new(s, "format", json_string(format));
	if (max)
		json_object_set_new(s, "maxLength", json_integer(max));
	return s;
}

/* --- text --- */

static json_t *take_text(const struct take *t)
{
	const struct field *f = t->field;
	struct arena *a = t->fm->arena;
	if (f->pattern) /* codes and numbers: half width is meant */
		return text_or_none(folded_text(a, own_control(t), text_to_half_width));
	return text_or_none(clean_text(a, own_control(t), f->multiline));
}

static void check_text(
    struct form *fm, const struct field *f, const char *name, const json_t *value)
{
	struct str s = str_from(json_string_value(value));
	size_t n = utf8_length(s);
	if (!json_is_string(value))
		form_say(fm, name, f, "form.text", NULL);
	else if (n > (size_t)f->max)
		form_say(fm, name, f, "form.too_long", "max",
		    arena_printf(fm->arena, "%.0f", f->max), "n", arena_printf(fm->arena, "%zu", n),
		    NULL);
	else if (f->has_min && n < (size_t)f->min)
		form_say(fm, name, f, "form.too_short", "min",
		    arena_printf(fm->arena, "%.0f", f->min), NULL);
	else if (f->pattern && !pattern_matches(f->pattern, s) && f->pattern_message)
		form_say_text(fm, name, f->pattern_message);
	else if (f->pattern && !pattern_matches(f->pattern, s))
		form_say(fm, name, f, "form.pattern", NULL);
}

static void view_text(struct form *fm, const struct field *f, const char *name, const json_t *value,
    const char *mode, json_t *view)
{
	view_typed(fm, f, name, value, mode, view);
	json_object_set_new(view, "max", json_integer((json_int_t)f->max));
	if (f->multiline) {
		json_object_set_new(view, "multiline", json_true());
		json_object_set_new(view, "rows", json_integer(f->max > 400 ? 8 : 4));
	} else {
		json_object_set_new(view, "width",
		    json_integer(f->max <= 3    ? 3
		                 : f->max <= 6  ? 5
		                 : f->max <= 20 ? 10
		                                : 20));
	}
}

static json_t *schema_text(const struct field *f, const char *lang)
{
	(void)lang;
	json_t *s = text_schema(NULL, (int64_t)f->max);
	if (f->has_min)
		json_object_set_new(s, "minLength", json_integer((json_int_t)f->min));
	if (f->pattern)
		json_object_set_new(s, "pattern", json_sprintf("^(?:%s)$", f->pattern_ref.text));
	return s;
}

/* A text for a pattern is hard to make up in general: digits of the usual lengths are tried. */
static json_t *example_text(struct form *fm, const struct field *f, uint64_t *seed)
{
	static const char *const words[] = {
	    "みどり", "さくら", "あおぞら", "ひまわり", "せとうち", "なぎさ"};
	if (!f->pattern) {
		const char *word = words[seed_below(seed, COUNT(words))];
		return (size_t)f->max < utf8_length(str_from(word)) ? json_string("あ")
		                                                    : json_string(word);
	}
	static const char *const shapes[] = {"0", "00", "000", "0000", "00000", "000000", "0000000",
	    "00000000", "000000000", "0000000000", "00000000000", "000000000000", "0000000000000",
	    "00000000000000", "000000000000000", "A", "AA", "AAA", "A0", "A00", "A000", "A0000",
	    "AA0000", "00-0000", "000-0000", "0000-00", "00-00", "0000-0000"};
	for (size_t i = 0; i < COUNT(shapes); i++) {
		char *s = arena_strdup(fm->arena, shapes[i]);
		if (!pattern_matches(f->pattern, str_from(s)))
			continue;
		for (char *c = s; *c; c++) {
			char was = *c;
			if (was == '-')
				continue;
			*c = (char)(was + seed_below(seed, 10));
			if (!pattern_matches(f->pattern, str_from(s)))
				*c = was;
		}
		return json_string(s);
	}
	return json_string("0");
}

const struct type_ops text_ops = {.take = take_text,
    .check = check_text,
    .filled = text_filled,
    .view = view_text,
    .text = plain_text,
    .schema = schema_text,
    .example = example_text,
    .required_key = "form.required.text"};

/* --- phone, e-mail --- */

static json_t *take_phone(const struct take *t)
{
	return text_or_none(folded_text(t->fm->arena, own_control(t), text_fold_number));
}

static void check_phone_answer(
    struct form *fm, const struct field *f, const char *name, const json_t *value)
{
	if (!json_is_string(value) || !check_phone(str_from(json_string_value(value))))
		form_say(fm, name, f, "form.phone", NULL);
}

static void check_email_answer(
    struct form *fm, const struct field *f, const char *name, const json_t *value)
{
	if (!json_is_string(value) || !check_email(str_from(json_string_value(value))))
		form_say(fm, name, f, "form.email", NULL);
}

static json_t *schema_phone(const struct field *f, const char *lang)
{
	(void)f;
	(void)lang;
	return text_schema(NULL, 30);
}

static json_t *schema_email(const struct field *f, const char *lang)
{
	(void)f;
	(void)lang;
	return text_schema("email", 254);
}

static json_t *example_phone(struct form *fm, const struct field *f, uint64_t *seed)
{
	(void)fm;
	(void)f;
	/* 087-8xx-xxxx with a local part that begins with 0 is not given to anybody. */
	return json_sprintf("087-800-%04d", seed_below(seed, 1000));
}

static json_t *example_email(struct form *fm, const struct field *f, uint64_t *seed)
{
	(void)fm;
	(void)f;
	return json_sprintf("resident%d@example.jp", seed_below(seed, 100000));
}

const struct type_ops phone_ops = {.take = take_phone,
    .check = check_phone_answer,
    .filled = text_filled,
    .view = view_typed,
    .text = plain_text,
    .schema = schema_phone,
    .example = example_phone,
    .required_key = "form.required.text"};
const struct type_ops email_ops = {.take = take_phone,
    .check = check_email_answer,
    .filled = text_filled,
    .view = view_typed,
    .text = plain_text,
    .schema = schema_email,
    .example = example_email,
    .required_key = "form.required.text"};

/* --- numbers --- */

/* "1,234.5" as a number of at most that many decimals. */
static bool parse_number(const char *s, int decimals, double *out)
{
	char digits[40];
	size_t n = 0;
	int after = -1;
	for (const char *p = s; *p; p++) {
		if (*p == ',' && after < 0)
			continue;
		if (*p == '.' && after < 0 && decimals > 0)
			after = 0;
		else if (*p >= '0' && *p <= '9')
			after += after >= 0;
		else if (!(*p == '-' && p == s))
			return false;
		if (n + 1 == sizeof(digits) || after > decimals)
			return false;
		digits[n++] = *p;
	}
	digits[n] = 0;
	if (n == 0 || digits[n - 1] == '-' || digits[n - 1] == '.' || digits[0] == '.')
		return false;
	*out = strtod(digits, NULL);
	return fabs(*out) <= 1e15;
}

/* Signs that people write around numbers. */
static char *bare_number(struct arena *a, const char *value)
{
	char *s = folded_text(a, value, text_fold_number);
	static const char *const signs[] = {"円", "¥", "￥"};
	for (size_t i = 0; i < COUNT(signs); i++) {
		size_t n = strlen(signs[i]), length = strlen(s);
		if (strncmp(s, signs[i], n) == 0)
			s += n;
		else if (length > n && strcmp(s + length - n, signs[i]) == 0)
			s[length - n] = 0;
	}
	return s;
}

static json_t *take_number(const struct take *t)
{
	double v;
	const char *s = bare_number(t->fm->arena, own_control(t));
	if (!s[0])
		return NULL;
	if (!parse_number(s, (int)t->field->decimals, &v))
		return json_string(clean_text(t->fm->arena, own_control(t), false));
	return t->field->decimals ? json_real(v) : json_integer((json_int_t)v);
}

static const char *number_in(struct arena *a, const struct field *f, double v)
{
	int decimals = f->decimals > 0 ? (int)f->decimals : 0;
	char *s = arena_printf(a, "%.*f", decimals, v);
	char *dot = strchr(s, '.');
	if (dot) {
		char *end = s + strlen(s);
		while (end[-1] == '0')
			*--end = 0;
		if (end[-1] == '.')
			*--end = 0;
	}
	return s;
}

/* 1234567 as 1,234,567 */
static const char *grouped(struct arena *a, const char *s)
{
	struct buf b;
	buf_init(&b, a);
	if (*s == '-')
		buf_putc(&b, *s++);
	size_t whole = strcspn(s, ".");
	for (size_t i = 0; i < whole; i++) {
		if (i && (whole - i) % 3 == 0)
			buf_putc(&b, ',');
		buf_putc(&b, s[i]);
	}
	buf_puts(&b, s + whole);
	return b.p;
}

static void check_number(
    struct form *fm, const struct field *f, const char *name, const json_t *value)
{
	double v = json_number_value(value);
	bool whole = f->type == FIELD_MONEY || !f->decimals;
	if (!json_is_number(value) || (whole && !json_is_integer(value)))
		form_say(fm, name, f, whole ? "form.number" : "form.decimal", NULL);
	else if (f->has_min && v < f->min)
		form_say(fm, name, f, "form.least", "min",
		    grouped(fm->arena, number_in(fm->arena, f, f->min)), NULL);
	else if (f->has_max && v > f->max)
		form_say(fm, name, f, "form.most", "max",
		    grouped(fm->arena, number_in(fm->arena, f, f->max)), NULL);
}

static const char *number_plain(struct form *fm, const struct field *f, const json_t *value)
{
	if (!json_is_number(value))
		return typed_text(value);
	return number_in(fm->arena, f, json_number_value(value));
}

static const char *text_of_number(struct form *fm, const struct field *f, const json_t *value)
{
	const char *s = number_plain(fm, f, value), *unit = words_in(f->unit, fm->ctx->lang);
	if (!json_is_number(value))
		return s;
	s = grouped(fm->arena, s);
	if (!unit)
		return s;
	bool latin = (unsigned char)unit[0] < 0x80;
	return arena_printf(fm->arena, latin ? "%s %s" : "%s%s", s, unit);
}

static const char *text_of_money(struct form *fm, const struct field *f, const json_t *value)
{
	if (!json_is_number(value))
		return typed_text(value);
	json_t *args = json_pack("{s:s}", "n", grouped(fm->arena, number_plain(fm, f, value)));
	const char *s = form_tr(fm, "form.yen", args);
	json_decref(args);
	return s;
}

static void view_number(struct form *fm, const struct field *f, const char *name,
    const json_t *value, const char *mode, json_t *view)
{
	(void)name;
	(void)mode;
	set_text(view, "value", number_plain(fm, f, value));
	set_text(view, "inputmode", f->decimals ? "decimal" : "numeric");
	const char *unit = words_in(f->unit, fm->ctx->lang);
	if (unit)
		set_text(view, "unit", unit);
	if (f->has_min)
		set_text(view, "min", number_in(fm->arena, f, f->min));
	if (f->has_max)
		set_text(view, "max", number_in(fm->arena, f, f->max));
}

static json_t *schema_number(const struct field *f, const char *lang)
{
	(void)lang;
	json_t *s = json_pack("{s:s}", "type", f->decimals ? "number" : "integer");
	if (f->has_min)
		json_object_set_new(s, "minimum", json_real(f->min));
	if (f->has_max)
		json_object_set_new(s, "maximum", json_real(f->max));
	return s;
}

static json_t *example_number(struct form *fm, const struct field *f, uint64_t *seed)
{
	(void)fm;
	double low = f->has_min ? f->min : 0;
	double high = f->has_max ? f->max : low + (f->type == FIELD_MONEY ? 100000 : 9);
	if (high - low > 100000)
		high = low + 100000;
	double v = low + seed_below(seed, (int)(high - low) + 1);
	return f->decimals ? json_real(v) : json_integer((json_int_t)ceil(v));
}

const struct type_ops number_ops = {.take = take_number,
    .check = check_number,
    .filled = text_filled,
    .view = view_number,
    .text = text_of_number,
    .schema = schema_number,
    .example = example_number,
    .required_key = "form.required.text"};
const struct type_ops money_ops = {.take = take_number,
    .check = check_number,
    .filled = text_filled,
    .view = view_number,
    .text = text_of_money,
    .schema = schema_number,
    .example = example_number,
    .required_key = "form.required.text"};

/* --- numbers of people and companies --- */

/* A sealed number ({"sealed": …}) was valid when it was sealed. Nothing typed keeps what is there.
 */
static json_t *take_my_number(const struct take *t)
{
	const char *s = folded_text(t->fm->arena, own_control(t), text_fold_digits);
	if (s[0])
		return json_string(s);
	bool keep = json_is_object(t->old) ||
	            (json_is_string(t->old) &&
	                check_individual_number(str_from(json_string_value(t->old))));
	return keep ? json_deep_copy(t->old) : NULL;
}

static void check_my_number(
    struct form *fm, const struct field *f, const char *name, const json_t *value)
{
	if (json_is_object(value) && json_is_string(json_object_get(value, "sealed")))
		return;
	if (!json_is_string(value) || !check_individual_number(str_from(json_string_value(value))))
		form_say(fm, name, f, "form.my_number", NULL);
}

static void view_my_number(struct form *fm, const struct field *f, const char *name,
    const json_t *value, const char *mode, json_t *view)
{
	const char *ground = procedure_text(fm->p, "my_number.ground", fm->ctx->lang);
	if (ground)
		set_text(view, "ground", ground);
	(void)f;
	(void)name;
	(void)mode;
	const char *typed = typed_text(value);
	bool valid = json_is_object(value) || check_individual_number(str_from(typed));
	set_text(view, "value", valid ? "" : typed);
	if (value && valid)
		json_object_set_new(view, "kept", json_true());
	set_text(view, "inputmode", "numeric");
}

static const char *text_of_my_number(struct form *fm, const struct field *f, const json_t *value)
{
	(void)f;
	(void)value;
	return form_tr(fm, "form.my_number.masked", NULL);
}

static json_t *schema_my_number(const struct field *f, const char *lang)
{
	(void)f;
	(void)lang;
	return json_pack(
	    "{s:s, s:s, s:b}", "type", "string", "pattern", "^[0-9]{12}$", "writeOnly", 1);
}

static json_t *example_my_number(struct form *fm, const struct field *f, uint64_t *seed)
{
	(void)fm;
	(void)f;
	char digits[13] = {0};
	for (int i = 0; i < 11; i++)
		digits[i] = (char)('0' + seed_below(seed, 10));
	digits[11] = check_individual_digit(digits);
	return json_string(digits);
}

const struct type_ops my_number_ops = {.take = take_my_number,
    .check = check_my_number,
    .filled = text_filled,
    .view = view_my_number,
    .text = text_of_my_number,
    .schema = schema_my_number,
    .example = example_my_number,
    .required_key = "form.required.text"};

static json_t *take_corporate(const struct take *t)
{
	return text_or_none(folded_text(t->fm->arena, own_control(t), text_fold_digits));
}

static void check_corporate(
    struct form *fm, const struct field *f, const char *name, const json_t *value)
{
	if (!json_is_string(value) || !check_corporate_number(str_from(json_string_value(value))))
		form_say(fm, name, f, "form.corporate_number", NULL);
}

static json_t *schema_corporate(const struct field *f, const char *lang)
{
	(void)f;
	(void)lang;
	return json_pack("{s:s, s:s}", "type", "string", "pattern", "^[0-9]{13}$");
}

static json_t *example_corporate(struct form *fm, const struct field *f, uint64_t *seed)
{
	(void)fm;
	(void)f;
	char digits[14] = {0};
	for (int i = 1; i < 13; i++)
		digits[i] = (char)('0' + seed_below(seed, 10));
	for (int c = 0; c < 10; c++) {
		digits[0] = (char)('0' + c);
		if (check_corporate_number(str_from(digits)))
			break;
	}
	return json_string(digits);
}

const struct type_ops corporate_ops = {.take = take_corporate,
    .check = check_corporate,
    .filled = text_filled,
    .view = view_typed,
    .text = plain_text,
    .schema = schema_corporate,
    .example = example_corporate,
    .required_key = "form.required.text"};
