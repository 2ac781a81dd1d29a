/* A mail as bytes: RFC 5322 headers, RFC 2047 words, base64 or quoted-printable text.
 *
 *   1. No value from outside becomes a header line by itself: values with control characters are
 *      refused (addresses) or lose them (texts).
 *   2. Every line is at most 78 characters (998 is the limit of RFC 5322 §2.1.1), ends with CR LF,
 * and the whole is 7 bit.
 *   3. The same notice gives the same Message-ID at every try, so a mail that was sent twice is
 * seen once. */
#include "notice/private.h"

#include <string.h>
#include <time.h>

enum { WORD_BYTES = 42, LINE_MAX_QP = 76 };

bool mail_address_valid(const char *address)
{
	size_t n = strlen(address);
	const char *at = strchr(address, '@');
	if (n > 254 || !at || at == address || strchr(at + 1, '@') || !strchr(at + 1, '.') ||
	    at - address > 64)
		return false;
	for (const char *p = address; *p; p++) {
		bool plain = (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') ||
		             (*p >= '0' && *p <= '9');
		/* RFC 5321 §4.1.2 Dot-string; the domain has letters, digits, hyphens and dots. */
		if (!plain && !strchr(p < at ? "!#$%&'*+-/=?^_`{|}~." : ".-", *p) && p != at)
			return false;
	}
	return address[0] != '.' && at[-1] != '.' && at[1] != '.' && at[1] != '-' &&
	       address[n - 1] != '.' && address[n - 1] != '-' && !strstr(address, "..");
}

static void put_base64(struct buf *b, const void *bytes, size_t n)
{
	static const char digits[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const unsigned char *p = bytes;
	for (size_t i = 0; i < n; i += 3) {
		unsigned v = (unsigned)p[i] << 16;
		v |= i + 1 < n ? (unsigned)p[i + 1] << 8 : 0;
		v |= i + 2 < n ? (unsigned)p[i + 2] : 0;
		buf_putc(b, digits[v >> 18]);
		buf_putc(b, digits[(v >> 12) & 63]);
		buf_putc(b, i + 1 < n ? digits[(v >> 6) & 63] : '=');
		buf_putc(b, i + 2 < n ? digits[v & 63] : '=');
	}
}

static bool is_plain(const char *text)
{
	for (const char *p = text; *p; p++)
		if (*p < 0x20 || *p > 0x7e)
			return false;
	return !strstr(text, "=?");
}

/* A text without control characters: what a header may hold (CR and LF first of all). */
static char *one_line(struct arena *a, const char *text)
{
	struct buf b;
	buf_init(&b, a);
	for (const char *p = text; *p; p++)
		buf_putc(&b, (unsigned char)*p < 0x20 || *p == 0x7f ? ' ' : *p);
	struct str s = str_trim(buf_to_str(&b));
	return str_dup(a, s);
}

/* Words of a header, encoded where they are not plain; folded. */
static void put_words(struct buf *b, const char *text)
{
	if (is_plain(text) && strlen(text) < 60) {
		buf_puts(b, text);
		return;
	}
	struct str rest = str_from(text);
	for (bool first = true; rest.n > 0; first = false) {
		struct str part = {rest.p, 0};
		/* Whole characters only (RFC 2047 §5). */
		for (struct str s = rest; s.n > 0;) {
			if (utf8_next(&s) < 0 || (size_t)(s.p - part.p) > WORD_BYTES)
				break;
			part.n = (size_t)(s.p - part.p);
		}
		if (part.n == 0)
			part.n = 1;
		buf_puts(b, first ? "=?UTF-8?B?" : "\r\n =?UTF-8?B?");
		put_base64(b, part.p, part.n);
		buf_puts(b, "?=");
		rest.p += part.n;
		rest.n -= part.n;
	}
}

/* A display name in front of an address. */
static void put_name(struct buf *b, const char *name)
{
	if (!is_plain(name) || strlen(name) >= 60) {
		put_words(b, name);
		return;
	}
	buf_putc(b, '"');
	for (const char *p = name; *p; p++) {
		if (*p == '"' || *p == '\\')
			buf_putc(b, '\\');
		buf_putc(b, *p);
	}
	buf_putc(b, '"');
}

static void put_date(struct buf *b, int64_t at_us)
{
	static const char days[] = "SunMonTueWedThuFriSat",
	                  months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	time_t at = (time_t)(at_us / 1000000 + 9 * 3600); /* Japan */
	struct tm t;
	(void)gmtime_r(&at, &t);
	buf_printf(b, "%.3s, %d %.3s %d %02d:%02d:%02d +0900", days + t.tm_wday * 3, t.tm_mday,
	    months + t.tm_mon * 3, t.tm_year + 1900, t.tm_hour, t.tm_min, t.tm_sec);
}

/* RFC 2045 §6.7; line ends of the text become CR LF. */
static void put_quoted(struct buf *b, const char *text)
{
	size_t line = 0;
	for (const char *p = text; *p; p++) {
		if (*p == '\r')
			continue;
		if (*p == '\n') {
			buf_puts(b, "\r\n");
			line = 0;
			continue;
		}
		bool last = p[1] == '\n' || p[1] == '\r' || !p[1];
		bool plain = (*p >= 0x21 && *p <= 0x7e && *p != '=') || (*p == ' ' && !last);
		/* "." and "From " at the start of a line are altered by some servers on the way. */
		plain = plain && !(line == 0 && (*p == '.' || *p == 'F'));
		if (line + (plain ? 1 : 3) > LINE_MAX_QP - 1) {
			buf_puts(b, "=\r\n");
			line = 0;
		}
		if (plain)
			buf_putc(b, *p);
		else
			buf_printf(b, "=%02X", (unsigned char)*p);
		line += plain ? 1 : 3;
	}
	if (line > 0)
		buf_puts(b, "\r\n");
}

static void put_base64_lines(struct arena *a, struct buf *b, const char *text)
{
	struct buf lines, all;
	buf_init(&lines, a);
	buf_init(&all, a);
	for (const char *p = text; *p; p++) {
		if (*p == '\n')
			buf_puts(&lines, "\r\n");
		else if (*p != '\r')
			buf_putc(&lines, *p);
	}
	put_base64(&all, lines.p, lines.n);
	for (size_t i = 0; i < all.n; i += LINE_MAX_QP) {
		buf_add(b, all.p + i, all.n - i < LINE_MAX_QP ? all.n - i : LINE_MAX_QP);
		buf_puts(b, "\r\n");
	}
}

/* Base64 when most of it is not ASCII. */
static bool mostly_plain(const char *text)
{
	size_t plain = 0, other = 0;
	for (const char *p = text; *p; p++)
		*((unsigned char)*p < 0x80 ? &plain : &other) += 1;
	return other * 6 < plain;
}

int mail_build(struct arena *a, const struct mail *m, struct str *out, struct err *err)
{
	if (!mail_address_valid(m->from))
		return err_set(
		    err, ERR_INPUT, "notice.address", "the sender's address (smtp.from)");
	if (!mail_address_valid(m->to))
		return err_set(err, ERR_INPUT, "notice.address", "the recipient's address");
	const char *subject = one_line(a, m->subject), *name = one_line(a, m->from_name);
	/* Both are made by us; still, nothing that could end a line may be in them. */
	if (!is_plain(m->message_id) || !is_plain(m->list_id) || !is_plain(m->lang))
		return err_set(err, ERR_INPUT, "notice.header", "Message-ID, List-Id or language");
	bool quoted = mostly_plain(m->body);
	struct buf b;
	buf_init(&b, a);
	buf_puts(&b, "Date: ");
	put_date(&b, m->at_us);
	buf_puts(&b, "\r\nFrom: ");
	if (name[0]) {
		put_name(&b, name);
		buf_printf(&b, "\r\n <%s>", m->from);
	} else {
		buf_puts(&b, m->from);
	}
	buf_printf(&b, "\r\nTo: <%s>\r\nSubject: ", m->to);
	put_words(&b, subject);
	buf_printf(&b, "\r\nMessage-ID: <%s>\r\nList-Id: <%s>\r\n", m->message_id, m->list_id);
	/* RFC 3834: no answering machine should answer. */
	buf_printf(&b,
	    "Auto-Submitted: auto-generated\r\nMIME-Version: 1.0\r\n"
	    "Content-Type: text/plain; charset=UTF-8\r\nContent-Language: %s\r\n"
	    "Content-Transfer-Encoding: %s\r\n\r\n",
	    m->lang, quoted ? "quoted-printable" : "base64");
	if (quoted)
		put_quoted(&b, m->body);
	else
		put_base64_lines(a, &b, m->body);
	*out = buf_to_str(&b);
	return 0;
}
