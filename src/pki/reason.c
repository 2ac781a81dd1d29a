#include "pki/private.h"

#include <openssl/err.h>
#include <stdarg.h>

#include "base/fetch.h"

/* clang-format off */
#define REASON(name) {name, "pki.reason." name}
static const struct {
	const char *name, *key;
} reasons[] = {
    [PKI_GOOD] = REASON("good"),
    [PKI_MALFORMED] = REASON("malformed"),
    [PKI_ALGORITHM] = REASON("algorithm"),
    [PKI_ISSUER] = REASON("issuer"),
    [PKI_NOT_YET] = REASON("not_yet"),
    [PKI_EXPIRED] = REASON("expired"),
    [PKI_USAGE] = REASON("usage"),
    [PKI_POLICY] = REASON("policy"),
    [PKI_ITEMS] = REASON("items"),
    [PKI_REVOKED] = REASON("revoked"),
    [PKI_HOLD] = REASON("hold"),
    [PKI_REVOCATION_STALE] = REASON("revocation_stale"),
    [PKI_REVOCATION_UNKNOWN] = REASON("revocation_unknown"),
    [PKI_NO_SIGNER] = REASON("no_signer"),
    [PKI_ALTERED] = REASON("altered"),
    [PKI_SIGNATURE_WRONG] = REASON("signature_wrong"),
    [PKI_SIGNING_CERTIFICATE] = REASON("signing_certificate"),
    [PKI_STAMP_REFUSED] = REASON("stamp_refused"),
    [PKI_STAMP_WRONG] = REASON("stamp_wrong"),
    [PKI_STAMP_AUTHORITY] = REASON("stamp_authority"),
};
/* clang-format on */
_Static_assert(COUNT(reasons) == PKI_REASON_COUNT, "a name for each reason");

const char *pki_reason_name(enum pki_reason r)
{
	return reasons[r].name;
}

const char *pki_reason_key(enum pki_reason r)
{
	return reasons[r].key;
}

enum pki_reason pki_reason_parse(const char *name)
{
	int i = 0;
	while (i < PKI_REASON_COUNT && !text_eq(reasons[i].name, name))
		i++;
	return (enum pki_reason)i;
}

bool verdict(struct pki_verdict *v, enum pki_reason reason, const char *fmt, ...)
{
	va_list ap;
	v->reason = reason;
	va_start(ap, fmt);
	(void)vsnprintf(v->detail, sizeof(v->detail), fmt, ap); /* may be cut */
	va_end(ap);
	return reason == PKI_GOOD;
}

const char *openssl_said(char *to, size_t n)
{
	unsigned long e = ERR_get_error();
	(void)snprintf(to, n, "no reason given");
	if (e)
		ERR_error_string_n(e, to, n);
	ERR_clear_error();
	return to;
}

int ask(struct arena *a, const char *url, struct str bytes, const char *type, size_t max,
    struct str *out, struct err *err)
{
	struct fetch f = {.url = url,
	    .accept = "*/*",
	    .bytes = bytes,
	    .bytes_type = type,
	    .plain = true,
	    .private_addresses = true,
	    .max = max};
	struct fetch_answer answer = {0};
	int rc = fetch(a, &f, &answer, err);
	*out = answer.body;
	return rc < 0 || answer.status == 200
	           ? rc
	           : err_set(err, ERR_IO, NULL, "%s: status %d", url, answer.status);
}
