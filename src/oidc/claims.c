#include "oidc/claims.h"

#include "base/check.h"
#include "base/text.h"
#include "base/time.h"
#include "identity/basic.h"

/* OpenID Connect's own parts, when there are any. */
static json_t *name_parts(const json_t *claims)
{
	const char *family = json_text(claims, "family_name"),
	           *given = json_text(claims, "given_name");
	if (!family || !given || strlen(family) + strlen(given) > 200)
		return NULL;
	return json_pack("{s:s, s:s}", "family", family, "given", given);
}

static json_t *birthday_of(struct arena *a, const char *text)
{
	struct date d;
	return text && date_parse(str_from(text), &d) ? json_string(date_format(a, d)) : NULL;
}

static json_t *address_of(struct arena *a, const json_t *claim)
{
	return basic_address(
	    a, json_is_object(claim) ? json_text(claim, "formatted") : json_string_value(claim));
}

/* 1 man, 2 woman, as the card has it. */
static json_t *gender_of(const char *text)
{
	return text_eq(text, "1") || text_eq(text, "2") || text_eq(text, "3") ? json_string(text)
	                                                                      : NULL;
}

static json_t *organisation_of(struct arena *a, const json_t *claims)
{
	static const char *const accounts[] = {"prime", "member", "entry"};
	const char *account = json_text(claims, "account_type"),
	           *number = json_text(claims, "corp_number");
	struct buf digits;
	const char *kind = NULL;
	for (size_t i = 0; i < COUNT(accounts); i++)
		if (text_eq(account, accounts[i]))
			kind = accounts[i];
	if (!kind)
		return NULL;
	json_t *out = json_pack("{s:s}", "account", kind);
	buf_init(&digits, a);
	text_fold_digits(&digits, str_from(number ? number : ""));
	if (digits.p && check_corporate_number(buf_to_str(&digits)))
		json_object_set_new(out, "number", json_string(digits.p));
	if (json_text(claims, "corp_name"))
		json_object_set_new(out, "name", json_string(json_text(claims, "corp_name")));
	if (json_text(claims, "dept"))
		json_object_set_new(out, "department", json_string(json_text(claims, "dept")));
	/* Another company that asked this one to act for it. */
	if (json_is_object(json_object_get(claims, "delegation")))
		json_object_set(out, "delegation", json_object_get(claims, "delegation"));
	return out;
}

static void put(json_t *to, const char *name, json_t *value)
{
	if (value)
		json_object_set_new(to, name, value);
}

json_t *claims_read(struct arena *a, const struct profile *p, const json_t *claims)
{
	const char *name = json_text(claims, "name");
	json_t *parts = name_parts(claims), *profile = json_object();
	json_t *out = json_on_arena(a, json_pack("{s:o}", "profile", profile));
	put(profile, "name", parts ? parts : name ? basic_name(a, name) : NULL);
	put(profile, "birthday", birthday_of(a, json_text(claims, "birthdate")));
	put(profile, "address", address_of(a, json_object_get(claims, "address")));
	put(profile, "gender", gender_of(json_text(claims, "gender")));
	if (text_eq(p->name, "gbizid"))
		put(out, "organisation", organisation_of(a, claims));
	return out;
}

int claims_proof(const struct profile *p, const json_t *read)
{
	static const char *const basic[] = {"name", "birthday", "address"};
	const json_t *profile = json_object_get(read, "profile");
	const char *account = json_path_text(read, "organisation.account");
	if (text_eq(p->name, "gbizid"))
		return account && !text_eq(account, "entry") &&
		               json_path_text(read, "organisation.number")
		           ? p->proof
		           : 0;
	for (size_t i = 0; i < COUNT(basic); i++)
		if (!json_object_get(profile, basic[i]))
			return 0;
	return p->proof;
}

static bool is_empty(const json_t *v)
{
	const char *key;
	json_t *part;
	if (json_is_object(v)) {
		json_object_foreach((json_t *)v, key, part)
		{
			if (!is_empty(part))
				return false;
		}
		return true;
	}
	return !json_string_length(v);
}

bool claims_fill(json_t *profile, const json_t *read, bool proven)
{
	static const char *const taken[] = {"name", "birthday", "address"};
	bool changed = false;
	for (size_t i = 0; i < COUNT(taken); i++) {
		json_t *said = json_path(read, "profile");
		said = json_object_get(said, taken[i]);
		json_t *there = json_object_get(profile, taken[i]);
		/* An address in its parts is worth more than the same in one line. */
		bool keeps = !is_empty(there) && (!proven || strcmp(taken[i], "address") == 0);
		if (!said || keeps || json_equal(said, there))
			continue;
		json_object_set_new(profile, taken[i], json_deep_copy(said));
		changed = true;
	}
	return changed;
}
