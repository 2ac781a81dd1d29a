/* gzip and ETags of finished answers. */
#include <string.h>

#include "web/private.h"

/* A fresh deflate stream costs a quarter of a megabyte of clearing; each network thread keeps one.
 */
bool gzip_bytes(struct net *net, struct str in, int level, struct buf *out)
{
	z_stream *z = &net->gzip;
	if (!net->gzip_ready) {
		*z = (z_stream){0};
		if (deflateInit2(z, level, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK)
			return false;
		net->gzip_ready = true;
	} else if (deflateReset(z) != Z_OK || deflateParams(z, level, Z_DEFAULT_STRATEGY) != Z_OK) {
		return false;
	}
	buf_reserve(out, in.n);
	z->next_in = (Bytef *)(uintptr_t)in.p;
	z->avail_in = (uInt)in.n;
	z->next_out = (Bytef *)out->p + out->n;
	z->avail_out = (uInt)in.n; /* not smaller: not worth it */
	if (deflate(z, Z_FINISH) != Z_STREAM_END)
		return false;
	out->n += z->total_out;
	return true;
}

/* A 64-bit hash with good mixing (the finaliser of wyhash); an ETag is no secret and no signature.
 */
static uint64_t hash64(struct str s)
{
	const uint64_t k0 = 0xa0761d6478bd642fu, k1 = 0xe7037ed1a0b428dbu;
	uint64_t h = k0 ^ s.n;
	const char *p = s.p;
	size_t n = s.n;
	for (; n >= 16; p += 16, n -= 16) {
		uint64_t a, b;
		memcpy(&a, p, 8);
		memcpy(&b, p + 8, 8);
		__uint128_t m = (__uint128_t)(a ^ k1) * (b ^ h);
		h = (uint64_t)m ^ (uint64_t)(m >> 64);
	}
	uint64_t a = 0, b = 0;
	memcpy(&a, p, n < 8 ? n : 8);
	if (n > 8)
		memcpy(&b, p + 8, n - 8);
	__uint128_t m = (__uint128_t)(a ^ k0 ^ n) * (b ^ h ^ k1);
	h = (uint64_t)m ^ (uint64_t)(m >> 64);
	h ^= h >> 32;
	h *= k1;
	return h ^ h >> 29;
}

void etag_of(struct str bytes, char out[24])
{
	(void)snprintf(out, 24, "\"%016llx\"", (unsigned long long)hash64(bytes));
}

/* Weak comparison (RFC 9110 §13.1.2): W/ and what a compressing proxy adds are overlooked. */
bool etag_matches(struct str list, const char *etag)
{
	if (str_is(str_trim(list), "*"))
		return true;
	size_t n = strlen(etag) - 1; /* without the closing quote */
	struct str one;
	while (str_cut(&list, ',', &one)) {
		one = str_trim(one);
		if (str_starts(one, "W/"))
			one = (struct str){one.p + 2, one.n - 2};
		if (one.n > n && memcmp(one.p, etag, n) == 0 &&
		    (one.p[n] == '"' || str_is((struct str){one.p + n, one.n - n}, "-gzip\"")))
			return true;
	}
	return false;
}
