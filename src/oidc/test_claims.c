#include <string.h>

#include "base/test.h"
#include "oidc/claims.h"
#include "oidc/remote.h"

static json_t *read_of(struct arena *a, const char *profile, const char *text)
{
	json_t *claims = json_on_arena(a, json_loads(text, 0, NULL));
	assert_non_null(claims);
	return claims_read(a, profile_find(profile), claims);
}

/* Claims, and what becomes of them as canonical JSON; proof: the level that it gives. */
static void test_claims(void **state)
{
	(void)state;
	static const struct {
		const char *profile, *claims, *want;
		int proof;
	} cases[] = {
	    {"digital-auth",
	        "{\"name\":\"山田　太郎\",\"birthdate\":\"19850315\",\"gender\":\"1\",\"address\":"
	        "\"香川県高松市番町一丁目\"}",
	        "{\"profile\":{\"address\":{\"prefecture\":\"香川県\",\"town\":"
	        "\"高松市番町一丁目\"},"
	        "\"birthday\":\"1985-03-15\",\"gender\":\"1\",\"name\":{\"family\":\"山田\","
	        "\"given\":\"太郎\"}}}",
	        3},
	    {"digital-auth",
	        "{\"name\":\"山田 "
	        "太郎\",\"birthdate\":\"1985-03-15\",\"address\":{\"formatted\":\"神奈川県横浜市\"}"
	        "}",
	        "{\"profile\":{\"address\":{\"prefecture\":\"神奈川県\",\"town\":\"横浜市\"},"
	        "\"birthday\":\"1985-03-15\",\"name\":{\"family\":\"山田\",\"given\":\"太郎\"}}}",
	        3},
	    /* Nothing is guessed, and nothing is proven when an item is missing. */
	    {"digital-auth",
	        "{\"name\":\"山田太郎\",\"birthdate\":\"19850000\",\"address\":\"番町\"}",
	        "{\"profile\":{\"address\":{\"prefecture\":\"\",\"town\":\"番町\"},\"name\":{"
	        "\"family\":"
	        "\"山田太郎\",\"given\":\"\"}}}",
	        0},
	    {"digital-auth", "{\"name\":7,\"birthdate\":[],\"address\":null,\"gender\":\"9\"}",
	        "{\"profile\":{}}", 0},
	    {"generic", "{\"name\":\"J S\",\"family_name\":\"Smith\",\"given_name\":\"John Paul\"}",
	        "{\"profile\":{\"name\":{\"family\":\"Smith\",\"given\":\"John Paul\"}}}", 0},
	    /* A corporation by what it is over there; only plain providers speak of persons alone.
	     */
	    {"gbizid",
	        "{\"account_type\":\"prime\",\"corp_number\":\"2000020132110\",\"corp_name\":"
	        "\"小平市\"}",
	        "{\"organisation\":{\"account\":\"prime\",\"name\":\"小平市\",\"number\":"
	        "\"2000020132110\"},"
	        "\"profile\":{}}",
	        2},
	    {"gbizid",
	        "{\"account_type\":\"member\",\"corp_number\":\"２０００020132110\",\"dept\":"
	        "\"総務\"}",
	        "{\"organisation\":{\"account\":\"member\",\"department\":\"総務\",\"number\":"
	        "\"2000020132110\"},\"profile\":{}}",
	        2},
	    /* Delegations that cannot be read count for nothing. */
	    {"gbizid",
	        "{\"account_type\":\"member\",\"corp_number\":\"2000020132110\",\"delegations\":["
	        "{\"corp_number\":\"6010005017636\",\"corp_name\":\"協会\",\"until\":"
	        "\"2027-03-31\",\"services\":[\"a-b\",\"../c\",7]},"
	        "{\"corp_number\":\"6010005017637\",\"corp_name\":\"協会\",\"until\":"
	        "\"2027-03-31\"},"
	        "{\"corp_number\":\"6010005017636\",\"corp_name\":\"協会\",\"until\":\"ever\"},"
	        "{\"corp_number\":\"6010005017636\",\"corp_name\":\"協会\",\"until\":"
	        "\"2027-03-31\",\"services\":\"all\"},7]}",
	        "{\"organisation\":{\"account\":\"member\",\"delegations\":[{\"name\":\"協会\","
	        "\"number\":\"6010005017636\",\"services\":[\"a-b\"],\"until\":\"2027-03-31\"}],"
	        "\"number\":\"2000020132110\"},\"profile\":{}}",
	        2},
	    {"gbizid", "{\"account_type\":\"prime\",\"corp_number\":\"2000020132111\"}",
	        "{\"organisation\":{\"account\":\"prime\"},\"profile\":{}}", 0},
	    {"gbizid", "{\"account_type\":\"entry\",\"corp_number\":\"2000020132110\"}",
	        "{\"organisation\":{\"account\":\"entry\",\"number\":\"2000020132110\"},"
	        "\"profile\":{}}",
	        0},
	    {"gbizid", "{\"account_type\":\"root\"}", "{\"profile\":{}}", 0},
	    {"generic", "{\"account_type\":\"prime\",\"corp_number\":\"2000020132110\"}",
	        "{\"profile\":{}}", 0},
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct arena *a = arena_new();
		json_t *read = read_of(a, cases[i].profile, cases[i].claims);
		const char *got = json_canonical_text(a, read);
		if (strcmp(got, cases[i].want) != 0)
			fail_msg("%s:\n%s", cases[i].claims, got);
		if (claims_proof(profile_find(cases[i].profile), read) != cases[i].proof)
			fail_msg("%s: proof", cases[i].claims);
		arena_free(a);
	}
}

static void test_fill(void **state)
{
	(void)state;
	static const struct {
		const char *there, *want;
		bool proven;
	} cases[] = {
	    {"{}",
	        "{\"birthday\":\"1985-03-15\",\"name\":{\"family\":\"山田\",\"given\":\"太郎\"}}",
	        false},
	    /* What was only said does not go before what somebody entered; what was proven does. */
	    {"{\"birthday\":\"1990-01-01\"}",
	        "{\"birthday\":\"1990-01-01\",\"name\":{\"family\":\"山田\",\"given\":\"太郎\"}}",
	        false},
	    {"{\"birthday\":\"1990-01-01\",\"phone\":\"1\"}",
	        "{\"birthday\":\"1985-03-15\",\"name\":{\"family\":\"山田\",\"given\":\"太郎\"},"
	        "\"phone\":\"1\"}",
	        true},
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct arena *a = arena_new();
		json_t *read =
		    read_of(a, "generic", "{\"name\":\"山田 太郎\",\"birthdate\":\"1985-03-15\"}");
		json_t *profile = json_on_arena(a, json_loads(cases[i].there, 0, NULL));
		assert_true(claims_fill(profile, read, cases[i].proven));
		assert_string_equal(json_canonical_text(a, profile), cases[i].want);
		assert_false(claims_fill(profile, read, cases[i].proven));
		arena_free(a);
	}
}

static void test_metadata(void **state)
{
	(void)state;
#define DOC(issuer, authorization, rest)                                                           \
	"{\"issuer\":\"" issuer "\",\"authorization_endpoint\":\"" authorization                   \
	"\",\"token_endpoint\":\"https://op.example/t\",\"jwks_uri\":\"https://op.example/"        \
	"k\"" rest "}"
	static const struct {
		const char *text;
		bool hidden, good;
	} cases[] = {
	    {DOC("https://op.example", "https://op.example/a", ""), false, true},
	    {DOC("https://op.example/", "https://op.example/a", ""), false, false},
	    {DOC("https://evil.example", "https://op.example/a", ""), false, false},
	    {DOC("https://op.example", "http://op.example/a", ""), false, false},
	    {DOC("https://op.example", "http://127.0.0.1:1/a", ""), false, false},
	    {DOC("https://op.example", "http://127.0.0.1:1/a", ""), true, true},
	    {DOC("https://op.example", "http://127.0.0.1.evil.example/a", ""), true, false},
	    {DOC("https://op.example", "https://a@op.example/a", ""), false, false},
	    {DOC("https://op.example", "https://op.example/a#b", ""), false, false},
	    {DOC("https://op.example", "https://op.example/\\n", ""), false, false},
	    {DOC("https://op.example", "javascript:alert(1)", ""), false, false},
	    {DOC("https://op.example", "https://op.example/a", ",\"issuer\":\"x\""), false, false},
	    {"{\"issuer\":\"https://op.example\"}", false, false},
	    {"[]", false, false},
	    {"", false, false},
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct arena *a = arena_new();
		struct metadata m;
		bool good = metadata_parse(a, str_from(cases[i].text), "https://op.example",
		                cases[i].hidden, &m, NULL) == 0;
		if (good != cases[i].good)
			fail_msg("%s", cases[i].text);
		arena_free(a);
	}
}

struct told {
	int n;
	int64_t line;
	char text[300];
};

static void say(void *arg, int64_t line, const char *text)
{
	struct told *t = arg;
	if (t->n++ == 0) {
		t->line = line;
		(void)snprintf(t->text, sizeof(t->text), "%s", text);
	}
}

#define GOOD_PROVIDER                                                                              \
	"providers:\n  - name: a\n    label: {ja: あ}\n    issuer: https://op.example\n    "      \
	"client-id: c\n"
#define GOOD_CLIENT                                                                                \
	"clients:\n  - id: a\n    label: {ja: あ}\n    redirect-uris: [https://a.example/]\n"
#define HASH "0000000000000000000000000000000000000000000000000000000000000000"

/* Each problem names its line and what it is about. */
static void test_config(void **state)
{
	(void)state;
	static const struct {
		const char *text, *about; /* NULL: it is good */
		int line;
	} cases[] = {
	    {"{}", NULL, 0},
	    {GOOD_PROVIDER, NULL, 0},
	    {GOOD_CLIENT "    secret-sha256: '" HASH "'\n", NULL, 0},
	    {"provider: []\n", "provider", 1},
	    {GOOD_PROVIDER "    profile: other\n", "profile", 6},
	    {GOOD_PROVIDER "    client-secret: x\n", "client-secret", 2},
	    {GOOD_PROVIDER "    client-auth: client_secret_post\n", "client-secret", 2},
	    {GOOD_PROVIDER "    algorithms: [HS256]\n", "algorithms", 6},
	    {GOOD_PROVIDER "    algorithms: [none]\n", "algorithms", 6},
	    {GOOD_PROVIDER "    acr: {x: 4}\n", "acr", 6},
	    {GOOD_PROVIDER "    scopes: [profile]\n", "openid", 6},
	    {GOOD_PROVIDER "    endpoints: {token: http://x/}\n", "endpoints", 6},
	    {GOOD_PROVIDER "  - name: a\n    label: {ja: い}\n    issuer: https://b.example\n    "
	                   "client-id: c\n",
	        "another one", 6},
	    {GOOD_CLIENT, "secret-sha256", 2},
	    {GOOD_CLIENT "    secret-sha256: abc\n", "secret-sha256", 5},
	    {GOOD_CLIENT "    keys: '{}'\n", "keys", 5},
	    {GOOD_CLIENT "    secret-sha256: '" HASH "'\n    back-channel-logout: http://a/\n",
	        "back-channel-logout", 6},
	    {"clients:\n  - id: a\n    label: {ja: あ}\n    redirect-uris: [http://a.example/]\n   "
	     " "
	     "secret-sha256: '" HASH "'\n",
	        "redirect-uris", 4},
	    {"clients:\n  - id: a\n    label: {ja: あ}\n    redirect-uris: "
	     "['https://*.example/']\n    "
	     "secret-sha256: '" HASH "'\n",
	        "redirect-uris", 4},
	    {"a: [\n", "sign-in.yaml", 2},
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct config c = {.arena = arena_new()};
		struct told t = {0};
		int n = config_read(&c, "/nowhere", str_from(cases[i].text), say, &t);
		if ((n == 0) != !cases[i].about)
			fail_msg("%s: %d problems: %s", cases[i].text, n, t.text);
		if (cases[i].about && (!strstr(t.text, cases[i].about) || t.line != cases[i].line))
			fail_msg("%s: line %d: %s", cases[i].text, (int)t.line, t.text);
		arena_free(c.arena);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_claims),
	    cmocka_unit_test(test_fill),
	    cmocka_unit_test(test_metadata),
	    cmocka_unit_test(test_config),
	};
	return cmocka_run_group_tests_name("oidc", tests, NULL, NULL);
}
