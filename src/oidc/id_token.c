#include "oidc/id_token.h"

#include "base/json.h"
#include "base/secret.h"

static int refuse(struct err *err, const char *claim)
{
	return err_set(err, ERR_AUTH, NULL, "ID token: %s is not as it must be", claim);
}

bool audience_is(const json_t *claims, const char *client)
{
	const json_t *aud = json_object_get(claims, "aud");
	const char *azp = json_text(claims, "azp");
	/* We trust nobody else: a token that was made for others as well is theirs to replay. */
	if (json_is_array(aud) && json_array_size(aud) == 1)
		aud = json_array_get(aud, 0);
	return text_eq(json_string_value(aud), client) &&
	       (!json_object_get(claims, "azp") || text_eq(azp, client));
}

int token_times_check(const json_t *claims, int64_t now, int64_t max_s, struct err *err)
{
	int64_t now_s = now / 1000000, exp = json_i64(claims, "exp", 0),
	        iat = json_i64(claims, "iat", 0), nbf = json_i64(claims, "nbf", 0);
	if (exp <= now_s - TOKEN_SKEW_S)
		return refuse(err, "exp");
	if (iat > now_s + TOKEN_SKEW_S || iat < now_s - max_s - TOKEN_SKEW_S)
		return refuse(err, "iat");
	return nbf > now_s + TOKEN_SKEW_S ? refuse(err, "nbf") : 0;
}

int id_token_check(
    struct arena *a, const json_t *claims, const struct id_token_want *want, struct err *err)
{
	const char *sub = json_text(claims, "sub"), *nonce = json_text(claims, "nonce"),
	           *at_hash = json_text(claims, "at_hash");
	if (!text_eq(json_text(claims, "iss"), want->issuer))
		return refuse(err, "iss");
	if (!audience_is(claims, want->client))
		return refuse(err, "aud or azp");
	if (!sub || !sub[0] || strlen(sub) > SUBJECT_MAX)
		return refuse(err, "sub");
	int rc = token_times_check(claims, want->now_us, ID_TOKEN_AGE_S, err);
	if (rc < 0)
		return rc;
	if (!nonce || strlen(nonce) != strlen(want->nonce) ||
	    !bytes_equal(nonce, want->nonce, strlen(nonce)))
		return refuse(err, "nonce");
	if (json_object_get(claims, "at_hash") &&
	    (!want->access_token ||
	        !text_eq(at_hash, jose_half_hash(a, want->alg, want->access_token))))
		return refuse(err, "at_hash");
	int64_t signed_in = json_i64(claims, "auth_time", 0);
	if (want->max_age_s >= 0 &&
	    signed_in < want->now_us / 1000000 - want->max_age_s - TOKEN_SKEW_S)
		return refuse(err, "auth_time");
	return 0;
}
