/* The mark of an export: "X-" and 12 characters without those that look alike. It stands in each
 * row and in the properties of the file, so that a part of it names its export, too. */
#include <ctype.h>
#include <openssl/rand.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "procedure/export/bulk.h"

static const char letters[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"; /* Crockford's 32 */
enum { MARK_LETTERS = 12, UNPACK_MAX = 256 << 20, PIECE = 65536 };

void mark_new(char out[MARK_SIZE])
{
	unsigned char random[MARK_LETTERS];
	if (RAND_bytes(random, sizeof(random)) != 1)
		abort();
	out[0] = 'X';
	out[1] = '-';
	for (int i = 0; i < MARK_LETTERS; i++)
		out[2 + i] = letters[random[i] % 32];
	out[2 + MARK_LETTERS] = '\0';
}

static bool is_letter(char c)
{
	return c && strchr(letters, c);
}

/* The first mark in the bytes that no letter or digit goes before or after. */
static bool find_plain(const char *p, size_t n, char out[MARK_SIZE])
{
	for (size_t i = 0; i + 2 + MARK_LETTERS <= n; i++) {
		size_t k = 2;
		if (p[i] != 'X' || p[i + 1] != '-' || (i > 0 && isalnum((unsigned char)p[i - 1])))
			continue;
		while (k < 2 + MARK_LETTERS && is_letter(p[i + k]))
			k++;
		if (k < 2 + MARK_LETTERS || (i + k < n && isalnum((unsigned char)p[i + k])))
			continue;
		memcpy(out, p + i, k);
		out[k] = '\0';
		return true;
	}
	return false;
}

/* Unpacks what begins at p; *used is how much of it that took. */
static bool find_packed(const char *p, size_t n, size_t *budget, size_t *used, char out[MARK_SIZE])
{
	enum { KEEP = MARK_SIZE };
	z_stream z = {
	    .next_in = (Bytef *)(uintptr_t)p, .avail_in = (uInt)(n < INT32_MAX ? n : INT32_MAX)};
	char *piece = malloc(KEEP + PIECE);
	size_t kept = 0;
	bool found = false;
	int rc = piece && inflateInit2(&z, -MAX_WBITS) == Z_OK ? Z_OK : Z_MEM_ERROR;
	while (rc == Z_OK && !found && *budget > 0) {
		z.next_out = (Bytef *)piece + kept;
		z.avail_out = PIECE;
		rc = inflate(&z, Z_NO_FLUSH);
		size_t got = PIECE - z.avail_out, all = kept + got;
		*budget -= got < *budget ? got : *budget;
		found = find_plain(piece, all, out);
		kept = all < KEEP ? all : KEEP; /* a mark may lie across two pieces */
		memmove(piece, piece + all - kept, kept);
		if (got == 0 && rc == Z_OK)
			break;
	}
	*used = n - z.avail_in;
	if (piece)
		(void)inflateEnd(
		    &z); /* of a stream that did not begin, too: an error that says so */
	free(piece);
	return found;
}

bool mark_find(struct str file, char out[MARK_SIZE])
{
	static const char local[] = "PK\3\4"; /* APPNOTE.TXT 4.3.7: of each file in a ZIP */
	enum { HEAD = 30 };
	size_t budget = UNPACK_MAX;
	if (find_plain(file.p, file.n, out))
		return true;
	const char *p = file.p, *end = file.p + file.n;
	while ((p = memmem(p, (size_t)(end - p), local, 4)) && end - p > HEAD) {
		const unsigned char *h = (const unsigned char *)p;
		size_t names = (size_t)(h[26] | h[27] << 8) + (size_t)(h[28] | h[29] << 8),
		       used = 0;
		p += 4;
		if ((h[8] | h[9] << 8) != 8 || names > (size_t)(end - p) - (HEAD - 4))
			continue;
		p += HEAD - 4 + names;
		if (find_packed(p, (size_t)(end - p), &budget, &used, out))
			return true;
	}
	return false;
}
