/* Reading a certificate: X.509 (RFC 5280) as far as the two profiles of the My Number Card need it.
 *
 * OpenSSL 3.0 takes a quarter of a millisecond to make its objects of a certificate, ten times as
 * long as to verify its signature. Here nothing is made: the fields are slices of the bytes. */
#include "base/json.h"
#include "pki/private.h"

#include <string.h>

#define OID_EXTENSION(n) OID("\x55\x1d" n)
#define OID_BASIC OID("\x2a\x83\x08\x8c\x9b\x55\x08\x05\x05") /* 1.2.392.200149.8.5.5 */

static bool read_validity(struct str *tbs, struct pki_certificate *c)
{
	struct str s;
	return der_take(tbs, DER_SEQUENCE, &s) && der_time(&s, &c->from_us) &&
	       der_time(&s, &c->until_us) && s.n == 0;
}

static bool read_usage(struct str value, struct pki_certificate *c)
{
	struct str bits;
	if (!der_only(value, DER_BITS, &bits) || bits.n < 2 || bits.n > 3)
		return false;
	unsigned char b = (unsigned char)bits.p[1];
	c->usage = (b & 0x80 ? PKI_DIGITAL_SIGNATURE : 0) | (b & 0x40 ? PKI_NON_REPUDIATION : 0) |
	           (b & 0x04 ? PKI_CERT_SIGN : 0) | (b & 0x02 ? PKI_CRL_SIGN : 0) |
	           (b & 0x39 || (bits.n == 3 && bits.p[2]) ? PKI_OTHER_USAGE : 0);
	return true;
}

static bool read_constraints(struct str value, struct pki_certificate *c)
{
	struct str s, ca;
	if (!der_only(value, DER_SEQUENCE, &s))
		return false;
	if (der_take(&s, DER_BOOLEAN, &ca))
		c->authority = ca.n == 1 && ca.p[0];
	return true;
}

/* AuthorityKeyIdentifier: only the identifier; the rest is not needed with pinned authorities. */
static bool read_authority_key(struct str value, struct pki_certificate *c)
{
	struct str s;
	if (!der_only(value, DER_SEQUENCE, &s))
		return false;
	(void)der_take(&s, DER_CONTEXT | 0, &c->authority_key); /* optional */
	return true;
}

/* The first distribution point's name. */
static bool read_points(struct str value, struct pki_certificate *c)
{
	struct str points, point;
	if (!der_only(value, DER_SEQUENCE, &points) || !der_take(&points, DER_SEQUENCE, &point))
		return false;
	(void)der_take(&point, DER_INSIDE | 0, &c->crl_point); /* optional */
	return true;
}

static bool read_policies(struct str value, struct pki_certificate *c)
{
	return der_only(value, DER_SEQUENCE, &c->policies);
}

static bool read_own_key(struct str value, struct pki_certificate *c)
{
	return der_only(value, DER_OCTETS, &c->own_key);
}

/* otherName [0] { type-id, [0] EXPLICIT UTF8String } */
static bool read_item(struct str name, struct pki_basic *b)
{
	struct str *const items[] = {&b->name, &b->name_substitutes, &b->sex, &b->birth,
	    &b->address, &b->address_substitutes};
	struct str oid, inside, text;
	if (!der_take(&name, DER_OID, &oid) || !der_only(name, DER_INSIDE | 0, &inside))
		return false;
	if (oid.n != OID_BASIC.n + 1 || memcmp(oid.p, OID_BASIC.p, OID_BASIC.n) != 0)
		return true; /* another kind of name */
	size_t n = (unsigned char)oid.p[oid.n - 1];
	if (n < 1 || n > COUNT(items))
		return true;
	if (items[n - 1]->p || !der_only(inside, DER_UTF8, &text) || !utf8_valid(text))
		return false;
	*items[n - 1] = text;
	return true;
}

static bool read_names(struct str value, struct pki_certificate *c)
{
	struct str names, name;
	int tag;
	if (!der_only(value, DER_SEQUENCE, &names))
		return false;
	while (names.n > 0) {
		if (!der_next(&names, &tag, &name, NULL))
			return false;
		if (tag == (DER_INSIDE | 0) && !read_item(name, &c->basic))
			return false;
	}
	c->basic.birthday = pki_birthday(c->basic.birth);
	c->has_basic = c->basic.name.n > 0 && c->basic.sex.n > 0 && c->basic.birth.n > 0 &&
	               c->basic.address.n > 0;
	return true;
}

static bool read_extension(struct str e, struct pki_certificate *c, unsigned *seen)
{
	static const struct {
		struct str oid;
		bool (*read)(struct str value, struct pki_certificate *);
	} known[] = {
	    {{"\x55\x1d\x0e", 3}, read_own_key},
	    {{"\x55\x1d\x0f", 3}, read_usage},
	    {{"\x55\x1d\x11", 3}, read_names},
	    {{"\x55\x1d\x13", 3}, read_constraints},
	    {{"\x55\x1d\x1f", 3}, read_points},
	    {{"\x55\x1d\x20", 3}, read_policies},
	    {{"\x55\x1d\x23", 3}, read_authority_key},
	};
	struct str oid, critical = {0}, value;
	if (!der_take(&e, DER_OID, &oid))
		return false;
	bool is_critical = der_take(&e, DER_BOOLEAN, &critical) && critical.n == 1 && critical.p[0];
	if (!der_only(e, DER_OCTETS, &value))
		return false;
	for (size_t i = 0; i < COUNT(known); i++) {
		if (!der_is_oid(oid, known[i].oid))
			continue;
		if (*seen & 1u << i)
			return false; /* RFC 5280 §4.2: one of each */
		*seen |= 1u << i;
		return known[i].read(value, c);
	}
	if (is_critical)
		c->unknown_critical = true;
	return true;
}

static bool read_extensions(struct str tbs, struct pki_certificate *c)
{
	struct str inside, list, e;
	unsigned seen = 0;
	/* issuerUniqueID and subjectUniqueID, which nobody uses */
	(void)der_take(&tbs, DER_CONTEXT | 1, NULL);
	(void)der_take(&tbs, DER_CONTEXT | 2, NULL);
	if (!der_only(tbs, DER_INSIDE | 3, &inside) || !der_only(inside, DER_SEQUENCE, &list))
		return false;
	while (list.n > 0)
		if (!der_take(&list, DER_SEQUENCE, &e) || !read_extension(e, c, &seen))
			return false;
	return true;
}

static bool whole_of(struct str *in, int wanted, struct str *out)
{
	int tag;
	return der_next(in, &tag, NULL, out) && tag == wanted;
}

static bool read_body(struct str tbs, struct str algorithm, struct pki_certificate *c)
{
	struct str version, inner;
	int64_t v;
	return der_take(&tbs, DER_INSIDE | 0, &version) && der_small(&version, &v) && v == 2 &&
	       der_take(&tbs, DER_INTEGER, &c->serial) && c->serial.n > 0 && c->serial.n <= 20 &&
	       whole_of(&tbs, DER_SEQUENCE, &inner) &&
	       str_eq(inner, algorithm) && /* RFC 5280 §4.1.1.2: the same in both places */
	       whole_of(&tbs, DER_SEQUENCE, &c->issuer) && read_validity(&tbs, c) &&
	       whole_of(&tbs, DER_SEQUENCE, &c->subject) && whole_of(&tbs, DER_SEQUENCE, &c->key) &&
	       read_extensions(tbs, c);
}

bool pki_certificate_read(struct str der, struct pki_certificate *c)
{
	struct str all, body, algorithm, inside;
	*c = (struct pki_certificate){.der = der, .usage = -1};
	if (!der_only(der, DER_SEQUENCE, &all))
		return false;
	struct str from = all;
	if (!whole_of(&all, DER_SEQUENCE, &c->tbs) || !der_take(&from, DER_SEQUENCE, &body) ||
	    !whole_of(&all, DER_SEQUENCE, &algorithm) || !der_only(all, DER_BITS, &c->signature) ||
	    c->signature.n < 2 || c->signature.p[0] != 0)
		return false;
	c->signature = (struct str){c->signature.p + 1, c->signature.n - 1};
	return der_only(algorithm, DER_SEQUENCE, &inside) &&
	       der_take(&inside, DER_OID, &c->signature_oid) && read_body(body, algorithm, c);
}

/* --- what a certificate says --- */

struct str oid_of_text(struct arena *a, const char *text)
{
	struct buf b;
	buf_init(&b, a);
	struct str rest = str_from(text), part;
	int64_t n, first = -1;
	while (str_cut(&rest, '.', &part)) {
		if (!str_to_i64(part, 0, INT32_MAX, &n))
			return (struct str){0};
		if (first < 0) {
			first = n;
			continue;
		}
		if (b.n == 0)
			n += first * 40;
		int shift = 28;
		while (shift > 0 && !(n >> shift))
			shift -= 7;
		for (; shift >= 0; shift -= 7)
			buf_putc(&b, (char)((n >> shift & 0x7f) | (shift ? 0x80 : 0)));
	}
	return buf_to_str(&b);
}

bool pki_has_policy(const struct pki_certificate *c, const char *oid)
{
	struct arena *a = arena_new();
	bool found = certificate_has_policy(c, oid_of_text(a, oid));
	arena_free(a);
	return found;
}

bool certificate_has_policy(const struct pki_certificate *c, struct str oid)
{
	struct str list = c->policies, policy, id;
	while (der_take(&list, DER_SEQUENCE, &policy))
		if (der_take(&policy, DER_OID, &id) && der_is_oid(id, oid))
			return true;
	return false;
}

char *pki_serial_text(struct arena *a, struct str serial)
{
	struct buf b;
	buf_init(&b, a);
	while (serial.n > 1 && serial.p[0] == 0)
		serial = (struct str){serial.p + 1, serial.n - 1};
	for (size_t i = 0; i < serial.n; i++)
		buf_printf(&b, "%02X", (unsigned char)serial.p[i]);
	buf_puts(&b, "");
	return b.p;
}

char *pki_name_text(struct arena *a, struct str name)
{
	static const struct {
		struct str oid;
		const char *text;
	} keys[] = {{{"\x55\x04\x03", 3}, "CN"}, {{"\x55\x04\x06", 3}, "C"},
	    {{"\x55\x04\x07", 3}, "L"}, {{"\x55\x04\x0a", 3}, "O"}, {{"\x55\x04\x0b", 3}, "OU"}};
	struct buf b;
	buf_init(&b, a);
	buf_puts(&b, "");
	struct str list, set, pair, oid, value;
	if (!der_only(name, DER_SEQUENCE, &list))
		return b.p;
	while (der_take(&list, DER_SET, &set) && der_take(&set, DER_SEQUENCE, &pair) &&
	       der_take(&pair, DER_OID, &oid) && der_next(&pair, NULL, &value, NULL)) {
		if (!utf8_valid(value))
			continue;
		const char *key = "?";
		for (size_t i = 0; i < COUNT(keys); i++)
			if (der_is_oid(oid, keys[i].oid))
				key = keys[i].text;
		buf_printf(&b, "%s%s=%.*s", b.n ? ", " : "", key, STR_ARG(value));
	}
	return b.p;
}

/* The profile's era codes; 0: none is named. */
struct date pki_birthday(struct str text)
{
	static const struct {
		int year, month, day;
	} from[] = {
	    {1, 1, 1}, {1868, 1, 25}, {1912, 7, 30}, {1926, 12, 25}, {1989, 1, 8}, {2019, 5, 1}};
	const struct date none = {0};
	int64_t era, date;
	if (text.n != 9 || !str_to_i64((struct str){text.p, 1}, 0, COUNT(from) - 1, &era) ||
	    !str_to_i64((struct str){text.p + 1, 8}, 10000, 99999999, &date))
		return none;
	struct date d = {(int)(date / 10000), (int)(date / 100 % 100), (int)(date % 100)};
	struct date begins = {from[era].year, from[era].month, from[era].day};
	if (!date_valid(d) || date_compare(d, begins) < 0)
		return none;
	if (era > 0 && (size_t)era + 1 < COUNT(from)) {
		/* The day of a change belongs to both. */
		struct date ends = {from[era + 1].year, from[era + 1].month, from[era + 1].day};
		if (date_compare(d, ends) > 0)
			return none;
	}
	return d;
}

char *pki_with_substitutes(struct arena *a, struct str text, struct str substitutes)
{
	struct buf b;
	buf_init(&b, a);
	buf_puts(&b, "");
	for (size_t i = 0; text.n > 0; i++) {
		int32_t c = utf8_next(&text);
		if (c < 0)
			break;
		utf8_put(&b, i < substitutes.n && substitutes.p[i] != '0' ? 0x3013 : (uint32_t)c);
	}
	return b.p;
}
