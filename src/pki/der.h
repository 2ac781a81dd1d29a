/* Reading DER (ITU-T X.690): steps over slices, nothing is copied. Private to src/pki. */
#ifndef PKI_DER_H
#define PKI_DER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

enum {
	DER_BOOLEAN = 0x01,
	DER_INTEGER = 0x02,
	DER_BITS = 0x03,
	DER_OCTETS = 0x04,
	DER_OID = 0x06,
	DER_UTF8 = 0x0c,
	DER_SEQUENCE = 0x30,
	DER_SET = 0x31,
	DER_CONTEXT = 0x80, /* | number; constructed: | 0x20 */
	DER_INSIDE = 0xa0,  /* constructed context tag: | number */
};

/* Takes the next value off *in: its tag, its content, and the whole of it with the head (each may
 * be NULL). False at the end and for what is no DER: a length that is not the shortest or goes
 * beyond the end, a tag above 30. */
bool der_next(struct str *in, int *tag, struct str *content, struct str *whole);
/* The same for a value that must have this tag; false, with *in as it was, when it has another. */
bool der_take(struct str *in, int tag, struct str *content);
/* The same, and nothing may follow. */
bool der_only(struct str in, int tag, struct str *content);
bool der_is_oid(struct str content, struct str oid); /* oid: its content bytes */
/* UTCTime (RFC 5280 §4.1.2.5.1: 50 to 49) or GeneralizedTime, with seconds and Z. */
bool der_time(struct str *in, int64_t *us);
/* A whole number from 0 to 2^31 - 1. */
bool der_small(struct str *in, int64_t *out);

/* The content bytes of object identifiers. */
#define OID(bytes) STR(bytes)
#define OID_RSA OID("\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01")
#define OID_EC OID("\x2a\x86\x48\xce\x3d\x02\x01")

#endif
