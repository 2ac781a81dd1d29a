/* One-time codes by time: RFC 6238 over RFC 4226, and their QR code. */
#include "identity/private.h"

#include <errno.h>
#include <string.h>

#include <openssl/hmac.h>
#include <qrencode.h>

int totp_code(const unsigned char secret[TOTP_SECRET_SIZE], int64_t step)
{
	unsigned char counter[8], mac[20];
	unsigned int size = sizeof(mac);
	for (int i = 7; i >= 0; i--, step >>= 8)
		counter[i] = (unsigned char)(step & 0xff);
	if (!HMAC(EVP_sha1(), secret, TOTP_SECRET_SIZE, counter, sizeof(counter), mac, &size))
		return -1; /* no SHA-1 in this build of OpenSSL: no code fits */
	/* RFC 4226 §5.3: dynamic truncation */
	int at = mac[19] & 0xf;
	uint32_t n = (uint32_t)(mac[at] & 0x7f) << 24 | (uint32_t)mac[at + 1] << 16 |
	             (uint32_t)mac[at + 2] << 8 | mac[at + 3];
	return (int)(n % 1000000);
}

int64_t totp_check(
    const unsigned char secret[TOTP_SECRET_SIZE], const char *typed, int64_t now_us, int64_t last)
{
	int code = 0, digits = 0;
	struct str in = str_from(typed);
	for (int32_t c; (c = utf8_next(&in)) >= 0;) {
		if (c >= 0xFF10 && c <= 0xFF19) /* full-width digits */
			c -= 0xFF10 - '0';
		if (c == ' ' || c == '-' || c == 0x3000)
			continue;
		if (c < '0' || c > '9' || ++digits > 6)
			return 0;
		code = code * 10 + (int)(c - '0');
	}
	if (digits != 6)
		return 0;
	int64_t now = now_us / 1000000 / TOTP_STEP_S, found = 0;
	/* All three are computed, so that time does not tell which one fits. A step that was used,
	 * or lies before one, is not taken again (RFC 6238 §5.2). */
	for (int64_t step = now - 1; step <= now + 1; step++)
		if (totp_code(secret, step) == code && step > last)
			found = step;
	return found;
}

char *totp_base32(struct arena *a, const unsigned char *bytes, size_t n, bool groups)
{
	static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
	struct buf out;
	buf_init(&out, a);
	size_t digits = (n * 8 + 4) / 5;
	for (size_t d = 0; d < digits; d++) {
		unsigned value = 0;
		for (size_t bit = d * 5; bit < d * 5 + 5; bit++) /* zeros fill the last digit */
			value =
			    value << 1 | (bit / 8 < n ? bytes[bit / 8] >> (7 - bit % 8) & 1u : 0);
		if (groups && d && d % 4 == 0)
			buf_putc(&out, ' ');
		buf_putc(&out, alphabet[value]);
	}
	return out.p ? out.p : arena_strdup(a, "");
}

char *totp_uri(struct arena *a, const unsigned char secret[TOTP_SECRET_SIZE], const char *issuer,
    const char *login)
{
	struct buf out;
	buf_init(&out, a);
	buf_puts(&out, "otpauth://totp/");
	buf_url(&out, str_from(issuer));
	buf_putc(&out, ':');
	buf_url(&out, str_from(login));
	buf_puts(&out, "?secret=");
	buf_puts(&out, totp_base32(a, secret, TOTP_SECRET_SIZE, false));
	buf_puts(&out, "&issuer=");
	buf_url(&out, str_from(issuer));
	return out.p;
}

int qr_svg(struct arena *a, const char *text, const char *title, char **out, struct err *err)
{
	QRcode *qr = QRcode_encodeString8bit(text, 0, QR_ECLEVEL_M);
	if (!qr)
		return err_set(err, ERR_INTERNAL, NULL, "QR code: %s", strerror(errno));
	enum { QUIET = 4 }; /* ISO/IEC 18004: four modules of white around it */
	struct buf b;
	buf_init(&b, a);
	int size = qr->width + 2 * QUIET;
	buf_printf(&b,
	    "<svg class=\"m-qr\" xmlns=\"http://www.w3.org/2000/svg\" role=\"img\" viewBox=\"0 0 "
	    "%d %d\" "
	    "width=\"%d\" height=\"%d\" shape-rendering=\"crispEdges\"><title>",
	    size, size, size * 4, size * 4);
	buf_html(&b, str_from(title));
	buf_printf(
	    &b, "</title><rect width=\"%d\" height=\"%d\" fill=\"#fff\"/><path d=\"", size, size);
	for (int y = 0; y < qr->width; y++) {
		for (int x = 0; x < qr->width; x++) {
			int run = 0;
			while (x + run < qr->width && qr->data[y * qr->width + x + run] & 1)
				run++;
			if (run)
				buf_printf(&b, "M%d %dh%dv1h-%dz", x + QUIET, y + QUIET, run, run);
			x += run;
		}
	}
	buf_puts(&b, "\"/></svg>");
	QRcode_free(qr);
	*out = b.p;
	return 0;
}
