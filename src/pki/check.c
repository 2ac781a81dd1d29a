/* Is this certificate of a card to be believed? */
#include "pki/private.h"

#include <string.h>

static bool profile_fits(
    const struct pki *p, enum pki_kind kind, const struct pki_certificate *c, struct pki_verdict *v)
{
	static const int usages[PKI_KIND_COUNT] = {
	    PKI_DIGITAL_SIGNATURE, PKI_DIGITAL_SIGNATURE | PKI_NON_REPUDIATION};
	if (c->authority)
		return verdict(v, PKI_USAGE, "an authority's certificate");
	if (c->usage != usages[kind])
		return verdict(v, PKI_USAGE, "key usage %d", c->usage);
	if (c->unknown_critical)
		return verdict(v, PKI_USAGE, "a critical extension that is not known");
	if (!certificate_has_policy(c, p->policies[kind]))
		return verdict(v, PKI_POLICY, "certificate policy");
	if (kind == PKI_SIGNATURE && !c->has_basic)
		return verdict(v, PKI_ITEMS, "basic items");
	return true;
}

static bool valid_now(const struct pki_certificate *c, int64_t now_us, struct pki_verdict *v)
{
	if (now_us < c->from_us)
		return verdict(v, PKI_NOT_YET, "notBefore");
	if (now_us > c->until_us)
		return verdict(v, PKI_EXPIRED, "notAfter");
	return true;
}

/* OCSP says it of this moment, a list of the hour when it was made: the list counts when nobody
 * answers. */
static bool not_revoked(struct pki *p, struct arena *a, const struct anchor *issuer, int64_t now_us,
    bool evidence, struct pki_checked *out, struct pki_verdict *v)
{
	enum { REASON_HOLD = 6 };
	struct revocation r = {.reason = -1}, ocsp = {.reason = -1};
	if (p->options.ocsp)
		ocsp_ask(p, issuer, &out->certificate, now_us, a, &ocsp);
	if (ocsp.source)
		r = ocsp;
	else if (p->options.crl)
		crl_ask(p, issuer, &out->certificate, now_us, evidence, a, &r);
	out->revocation = r.source;
	out->revocation_us = r.said_us;
	out->revocation_bytes = evidence ? r.bytes : (struct str){0};
	if (!r.source)
		return r.stale ? verdict(v, PKI_REVOCATION_STALE, "%s", r.detail)
		               : verdict(v, PKI_REVOCATION_UNKNOWN, "%.70s %.70s", ocsp.detail,
		                     r.detail);
	if (!r.revoked)
		return true;
	out->revoked_for = revocation_reason_name(r.reason);
	return verdict(v, r.reason == REASON_HOLD ? PKI_HOLD : PKI_REVOKED, "%s, %s", r.source,
	    out->revoked_for ? out->revoked_for : "no reason given");
}

int pki_check(struct pki *p, struct arena *a, struct str der, enum pki_kind kind, int64_t now_us,
    bool evidence, struct pki_checked *out, struct pki_verdict *v, struct err *err)
{
	(void)err;
	*out = (struct pki_checked){0};
	*v = (struct pki_verdict){0};
	char *own = arena_alloc(a, der.n);
	if (der.n)
		memcpy(own, der.p, der.n);
	struct pki_certificate *c = &out->certificate;
	if (!pki_certificate_read((struct str){own, der.n}, c)) {
		(void)verdict(v, PKI_MALFORMED, "certificate");
		return 0;
	}
	const struct anchor *issuer = anchor_of(p, kind, c, now_us, v);
	if (!issuer)
		return 0;
	out->issuer_der = issuer->der;
	if (valid_now(c, now_us, v) && profile_fits(p, kind, c, v))
		(void)not_revoked(p, a, issuer, now_us, evidence, out, v);
	return 0;
}

const char *revocation_reason_name(int reason)
{
	/* RFC 5280 §5.3.1 */
	static const char *const names[] = {"unspecified", "keyCompromise", "cACompromise",
	    "affiliationChanged", "superseded", "cessationOfOperation", "certificateHold", NULL,
	    "removeFromCRL", "privilegeWithdrawn", "aACompromise"};
	return reason >= 0 && (size_t)reason < COUNT(names) ? names[reason] : NULL;
}
