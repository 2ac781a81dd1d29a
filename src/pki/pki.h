/* Certificates of the My Number Card (公的個人認証, JPKI), signatures made with them, and time
 * stamps: reading, and finding out whether they can be believed.
 *
 * What cannot be believed is a result and not an error: a reason with a text for the person. The
 * functions that return int give 0 (look at the verdict) or <0 when something of our own failed.
 * All of it may be called from any thread; those marked "network" may wait for an answer and do not
 * belong on a network thread. */
#ifndef PKI_PKI_H
#define PKI_PKI_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include "base/time.h"

enum pki_kind {
	PKI_AUTHENTICATION, /* 利用者証明用電子証明書: signs in; has no name */
	PKI_SIGNATURE,      /* 署名用電子証明書: signs; has the four basic items */
	PKI_KIND_COUNT
};

enum pki_reason {
	PKI_GOOD,
	PKI_MALFORMED,          /* bytes that are no certificate, no signature */
	PKI_ALGORITHM,          /* not in the configured set, or a key that is too short */
	PKI_ISSUER,             /* not signed by a trusted authority, whatever names it bears */
	PKI_NOT_YET,            /* valid from a later day */
	PKI_EXPIRED,            /* */
	PKI_USAGE,              /* key usage is another */
	PKI_POLICY,             /* certificate policy is another */
	PKI_ITEMS,              /* the four basic items are missing or not readable */
	PKI_REVOKED,            /* by CRL or OCSP */
	PKI_HOLD,               /* certificateHold: suspended */
	PKI_REVOCATION_STALE,   /* the newest list is too old */
	PKI_REVOCATION_UNKNOWN, /* nobody said whether it is revoked */
	PKI_NO_SIGNER,       /* the signature does not bring its certificate, or has not one signer
	                      */
	PKI_ALTERED,         /* other bytes than were signed */
	PKI_SIGNATURE_WRONG, /* the signature is not of this certificate's key */
	PKI_SIGNING_CERTIFICATE, /* signing-certificate-v2 missing or of another certificate */
	PKI_STAMP_REFUSED,       /* the time-stamp authority did not answer, or said no */
	PKI_STAMP_WRONG,         /* other imprint, nonce, or signature of the time stamp */
	PKI_STAMP_AUTHORITY, /* its certificate is not trusted, not valid then, not for time stamps
	                      */
	PKI_REASON_COUNT
};
/* "expired", for JSON and the journal. */
const char *pki_reason_name(enum pki_reason);
/* "pki.reason.expired": plain words for the person, what to do included. */
const char *pki_reason_key(enum pki_reason);
/* The reason of a name; PKI_REASON_COUNT: none. */
enum pki_reason pki_reason_parse(const char *name);

/* What is found, and for the log on what. */
struct pki_verdict {
	enum pki_reason reason;
	char detail[160]; /* no personal data */
};

/* --- reading --- */

/* 基本4情報. Texts as they stand in the certificate; no bytes: absent. Substitutes (代替文字):
 * a digit for each character of the text, not '0' where the character on the card is another than
 * the certificate can say; or nothing. */
struct pki_basic {
	struct str name, name_substitutes;
	struct str sex; /* "1" male, "2" female, "3" not known */
	struct str birth;
	struct str address, address_substitutes;
	struct date birthday; /* of birth; year 0: a part of it is not known, or it is no date */
};

enum pki_usage {
	PKI_DIGITAL_SIGNATURE = 1,
	PKI_NON_REPUDIATION = 2,
	PKI_CERT_SIGN = 4,
	PKI_CRL_SIGN = 8,
	PKI_OTHER_USAGE = 16
};

/* Slices of the DER that was read, which must stay. */
struct pki_certificate {
	struct str der;
	struct str tbs; /* what is signed */
	struct str signature_oid, signature;
	struct str serial;                 /* content of the INTEGER */
	struct str issuer, subject;        /* whole DER of the names */
	struct str key;                    /* whole SubjectPublicKeyInfo */
	struct str authority_key, own_key; /* key identifiers; absent: none */
	struct str crl_point;              /* content of the DistributionPointName; absent: none */
	struct str policies;               /* content of certificatePolicies */
	int64_t from_us, until_us;
	int usage; /* bits of enum pki_usage; -1: not said */
	bool authority;
	bool unknown_critical; /* has a critical extension that is not understood here */
	bool has_basic;
	struct pki_basic basic;
};
/* Reads one X.509 v3 certificate. False: it is none, or an otherName of the profile is not UTF-8.
 */
bool pki_certificate_read(struct str der, struct pki_certificate *out);
/* The DER inside PEM text (of the first block with this label: "CERTIFICATE"), or the bytes
 * themselves when they are no PEM; no bytes: cannot be decoded. */
struct str pki_pem(struct arena *, struct str bytes, const char *label);
/* DER as PEM text. */
char *pki_to_pem(struct arena *, struct str der, const char *label);
bool pki_has_policy(const struct pki_certificate *, const char *oid);
/* Serial number as hexadecimal digits, as `openssl x509 -serial` has it. */
char *pki_serial_text(struct arena *, struct str serial);
/* A name as "C=JP, O=…" for people. */
char *pki_name_text(struct arena *, struct str name);
/* Birth date of the profile, EYYYYMMDD: an era's code and a western date. Fails closed: parts that
 * are not known (zeros), and what is no day of that era, give no date. */
struct date pki_birthday(struct str text);
/* The name with 〓 where the certificate has a substitute character, or as it is. On the arena. */
char *pki_with_substitutes(struct arena *, struct str text, struct str substitutes);

/* --- trust --- */

struct pki; /* what a city trusts, with its revocation lists; shared by threads */

struct pki_options {
	const char *dir;        /* <city>/trust */
	bool simulator;         /* may authorities that say SIMULATOR be trusted? */
	const char *algorithms; /* names parted by spaces; NULL: all that are known */
	const char *crl;        /* files and http URLs, parted by spaces; NULL: none */
	const char *ocsp;       /* http URL; NULL: none */
	const char *tsa;        /* http URL of the time-stamp authority; NULL: none */
	int64_t ocsp_minutes;   /* how long an answer of OCSP is kept; 0: not */
	int64_t crl_hours;      /* a list that was made longer ago is stale; 0: by its own word */
};
/* Reads <dir>/card-authentication.pem, card-signature.pem, timestamp.pem (several certificates may
 * stand in each). A file that is not there: nobody is trusted for that. ERR_INPUT, with what to do
 * in the detail, for one that cannot be used. The options' texts are copied. */
int pki_open(const struct pki_options *, struct pki **out, struct err *);
void pki_close(struct pki *); /* NULL is allowed */
/* Is anybody trusted for this kind, and is there a way to know of revocation? */
bool pki_ready(const struct pki *, enum pki_kind);
/* Is there an authority for time stamps? */
bool pki_stamps(const struct pki *);
/* PEM of all trusted authorities of a kind: what a TLS server names, and what openssl verifies
 * with. Borrowed. */
struct str pki_anchors_pem(const struct pki *, enum pki_kind);
struct str pki_stamp_anchors_pem(const struct pki *);

/* What was learnt of a certificate that was checked. */
struct pki_checked {
	struct pki_certificate certificate;
	struct str issuer_der;  /* of the trusted authority; borrowed from pki */
	const char *revocation; /* "ocsp", "crl"; NULL: not asked, it failed before */
	const char
	    *revoked_for; /* "superseded" …; NULL: it is not revoked, or no reason was given */
	int64_t revocation_us;       /* when that was said (thisUpdate) */
	struct str revocation_bytes; /* the OCSP answer or the CRL; on the arena */
};
/* Is it a card's certificate of this kind, good at this moment: issuer, validity, profile (key
 * usage, policy, basic items), revocation. evidence: are revocation_bytes wanted? Network. */
int pki_check(struct pki *, struct arena *, struct str der, enum pki_kind, int64_t now_us,
    bool evidence, struct pki_checked *out, struct pki_verdict *, struct err *);

/* --- signatures --- */

/* A detached CMS signature (RFC 5652) with signed attributes content-type, message-digest and
 * signing-certificate-v2 (CAdES-BES, RFC 5126 §4.3.1; RFC 5035). */
struct pki_cms {
	struct str certificate; /* the signer's, DER */
	struct str attributes;  /* content of the SET OF signed attributes */
	struct str signature;
	struct str digest_oid, signature_oid;
	struct str message_digest;
	struct str signing_certificate; /* content of the attribute's value; absent: none */
	int64_t signing_us;             /* claimed; 0: not */
};
/* Reads the bytes (DER); the verdict says why not. */
bool pki_cms_read(struct str der, struct pki_cms *out, struct pki_verdict *);
/* Is it a signature over content, by the certificate in it? The certificate itself is not checked.
 */
int pki_cms_verify(struct pki *, const struct pki_cms *, struct str content, struct pki_verdict *);
/* Both, and pki_check() of the signer for PKI_SIGNATURE: the whole verification of a signed
 * application. Network. */
int pki_verify(struct pki *, struct arena *, struct str cms, struct str content, int64_t now_us,
    bool evidence, struct pki_checked *out, struct pki_verdict *, struct err *);

/* --- time stamps (RFC 3161) --- */

/* Asks the configured authority for a time stamp over bytes, and verifies the answer. *token: the
 * whole TimeStampResp, on the arena. Network. */
int pki_stamp(struct pki *, struct arena *, struct str bytes, int64_t now_us, struct str *response,
    int64_t *stamped_us, struct pki_verdict *, struct err *);
/* Verifies one that is kept: imprint of bytes, signature, an authority that is trusted and was
 * valid at the time it says. */
int pki_stamp_verify(struct pki *, struct str response, struct str bytes, int64_t *stamped_us,
    struct pki_verdict *, struct err *);

#endif
