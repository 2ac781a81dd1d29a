#include "oidc/id_token.h"

#include "base/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char keys_text[] =
    "{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\",\"kid\":\"1\",\"x\":"
    "\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9"
    "uPHvRVEU\",\"y\":\"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0\"}]}";

/* As a token: nobody has signed it with that key, so nothing verifies. As a key set: what is taken
 * can be published, and its thumbprint is its own. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *a = arena_new();
	struct str text = {(const char *)data, size};
	struct jose_keys *keys;
	json_t *claims = NULL;
	if (jose_keys_parse(a, str_from(keys_text), &keys, NULL) < 0)
		__builtin_trap();
	char *token = str_dup(a, text);
	if (jwt_verify(a, token, keys, JOSE_ANY, NULL, &claims, NULL) > 0)
		__builtin_trap();
	if (jwt_peek(a, token, &claims, NULL) == 0) {
		struct id_token_want want = {
		    "https://a.example", "me", "n", "t", JOSE_ES256, 0, -1};
		if (!json_is_object(claims))
			__builtin_trap();
		(void)id_token_check(a, claims, &want, NULL);
	}
	if (jose_keys_parse(a, text, &keys, NULL) == 0) {
		json_t *set = json_on_arena(a, json_loadb(text.p, text.n, 0, NULL)), *key;
		size_t i;
		json_array_foreach(json_object_get(set, "keys"), i, key)
		{
			json_t *open = json_on_arena(a, jose_public(key));
			if (open && (json_object_get(open, "d") || json_object_get(open, "k")))
				__builtin_trap();
			if (open && !text_eq(jose_thumbprint(a, open), jose_thumbprint(a, key)))
				__builtin_trap();
		}
	}
	arena_free(a);
	return 0;
}
