#include "oidc/claims.h"
#include "oidc/remote.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void ignore(void *arg, int64_t line, const char *text)
{
	(void)text;
	if (line < 0)
		__builtin_trap();
	++*(int *)arg;
}

/* As a provider's configuration (what is taken of it is an address we may ask), as its claims, and
 * as sign-in.yaml (problems are counted as they are told). */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const profiles[] = {"generic", "digital-auth", "gbizid"};
	struct arena *a = arena_new();
	struct str text = {(const char *)data, size};
	struct metadata m;
	if (metadata_parse(a, text, "https://op.example", false, &m, NULL) == 0 &&
	    (!url_is_plain(m.token, false) || !url_is_plain(m.jwks, false) ||
	        !url_is_plain(m.authorization, false)))
		__builtin_trap();
	json_t *claims = json_on_arena(a, json_loadb(text.p, text.n, 0, NULL));
	for (size_t i = 0; json_is_object(claims) && i < COUNT(profiles); i++) {
		const struct profile *p = profile_find(profiles[i]);
		json_t *read = claims_read(a, p, claims),
		       *profile = json_on_arena(a, json_object());
		(void)claims_fill(profile, read, claims_proof(p, read) > 0);
	}
	struct config c = {.arena = a};
	int told = 0;
	if (utf8_valid(text) && config_read(&c, "/nowhere", text, ignore, &told) != told)
		__builtin_trap();
	arena_free(a);
	return 0;
}
