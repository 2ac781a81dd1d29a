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

enum { DELEGATIONS_MAX = 50, NAME_BYTES = 300 };

/* A corporate number that has its check digit; NULL. */
static json_t *number_of(struct arena *a, const char *text)
{
	struct buf digits;
	buf_init(&digits, a);
	text_fold_digits(&digits, str_from(text ? text : ""));
	return digits.p && check_corporate_number(buf_to_str(&digits)) ? json_string(digits.p)
	                                                               : NULL;
}

/* Names of procedures, as the city registered them as services. */
static json_t *services_of(const json_t *said)
{
	json_t *out = json_array(), *one;
	size_t i;
	json_array_foreach(said, i, one)
	{
		const char *name = json_string_value(one);
		if (name && name[0] && strlen(name) <= 80 &&
		    strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-") == strlen(name))
			json_array_append(out, one);
	}
	return out;
}

/* 委任: a company that asked this account's one to act for it, in which services (none named: in
 * all), until when. One that cannot be read counts for nothing. */
static json_t *delegation_of(struct arena *a, const json_t *said)
{
	struct date from, until;
	const char *name = json_text(said, "corp_name"), *first = json_text(said, "from"),
	           *last = json_text(said, "until");
	json_t *number = number_of(a, json_text(said, "corp_number")),
	       *services = json_object_get(said, "services");
	if (!number || !name || !name[0] || strlen(name) > NAME_BYTES || !last ||
	    !date_parse(str_from(last), &until) || (first && !date_parse(str_from(first), &from)) ||
	    (services && !json_is_array(services))) {
		json_decref(number);
		return NULL;
	}
	json_t *out = json_pack(
	    "{s:o, s:s, s:s}", "number", number, "name", name, "until", date_format(a, until));
	if (first)
		json_object_set_new(out, "from", json_string(date_format(a, from)));
	if (services)
		json_object_set_new(out, "services", services_of(services));
	return out;
}

static json_t *delegations_of(struct arena *a, const json_t *said)
{
	json_t *out = json_array(), *one;
	size_t i;
	json_array_foreach(said, i, one)
	{
		json_t *read = i < DELEGATIONS_MAX ? delegation_of(a, one) : NULL;
		if (read)
			json_array_append_new(out, read);
	}
	return out;
}

static json_t *organisation_of(struct arena *a, const json_t *claims)
{
	static const char *const accounts[] = {"prime", "member", "entry"};
	const char *account = json_text(claims, "account_type"),
	           *number = json_text(claims, "corp_number");
	const char *kind = NULL;
	for (size_t i = 0; i < COUNT(accounts); i++)
		if (text_eq(account, accounts[i]))
			kind = accounts[i];
	if (!kind)
		return NULL;
	json_t *out = json_pack("{s:s}", "account", kind);
	json_t *digits = number_of(a, number);
	if (digits)
		json_object_set_new(out, "number", digits);
	if (json_text(claims, "corp_name"))
		json_object_set_new(out, "name", json_string(json_text(claims, "corp_name")));
	if (json_text(claims, "dept"))
		json_object_set_new(out, "department", json_string(json_text(claims, "dept")));
	if (json_is_array(json_object_get(claims, "delegations")))
		json_object_set_new(
		    out, "delegations", delegations_of(a, json_object_get(claims, "delegations")));
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
