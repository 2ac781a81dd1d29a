/* Folding of logins and names, checks of their shape, days. */
#include "identity/private.h"

#include <string.h>

#include "base/time.h"

static void day_put(char out[DAY_SIZE], struct date d)
{
	(void)snprintf(out, DAY_SIZE, "%04u-%02u-%02u", (unsigned)d.year % 10000,
	    (unsigned)d.month % 100, (unsigned)d.day % 100);
}

void today(char out[DAY_SIZE])
{
	struct date d = date_of_us(now_us());
	day_put(out, d);
}

const char *yesterday(struct request *rq)
{
	return date_format(rq->arena, date_add_days(date_of_us(rq->now_us), -1));
}

bool day_of(const char *text, const char *fallback, char out[DAY_SIZE])
{
	struct date d;
	if (!text || !text[0]) {
		(void)snprintf(out, DAY_SIZE, "%s", fallback);
		return true;
	}
	if (!date_parse(str_from(text), &d))
		return false;
	day_put(out, d);
	return true;
}

int term_days(const struct term *t, char from[DAY_SIZE], char until[DAY_SIZE], struct err *err)
{
	if (!day_of(t->from, DAY_FIRST, from))
		return err_field(err, ERR_INPUT, "from", "identity.bad_date", "no date");
	if (!day_of(t->until, DAY_LAST, until))
		return err_field(err, ERR_INPUT, "until", "identity.bad_date", "no date");
	if (strcmp(from, until) > 0)
		return err_field(
		    err, ERR_INPUT, "until", "identity.ends_before", "%s > %s", from, until);
	return 0;
}

/* Its own function, not the general folding of base: the result is stored and unique, so it must
 * never change. */
char *login_fold(struct arena *a, const char *login)
{
	struct buf out;
	buf_init(&out, a);
	struct str in = str_from(login);
	for (int32_t c; (c = utf8_next(&in)) >= 0;) {
		if (c >= 0xFF01 && c <= 0xFF5E) /* full-width ASCII */
			c -= 0xFEE0;
		if (c >= 'A' && c <= 'Z')
			c += 'a' - 'A';
		if (c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == 0x3000)
			continue; /* neither mail addresses nor logins have spaces */
		utf8_put(&out, (uint32_t)c);
	}
	return out.p ? out.p : arena_strdup(a, "");
}

char *name_fold(struct arena *a, const char *name)
{
	struct buf out;
	buf_init(&out, a);
	struct str in = str_from(name);
	for (int32_t c; (c = utf8_next(&in)) >= 0;) {
		if (c == ' ' || c == '\t' || c == 0xA0 || c == 0x3000)
			continue;
		if (c >= 'A' && c <= 'Z')
			c += 'a' - 'A';
		utf8_put(&out, (uint32_t)c);
	}
	return out.p ? out.p : arena_strdup(a, "");
}

char *name_pattern(struct arena *a, const char *text)
{
	struct buf b;
	buf_init(&b, a);
	buf_putc(&b, '%');
	for (const char *p = name_fold(a, text); *p; p++) {
		if (strchr("%_!", *p))
			buf_putc(&b, '!');
		buf_putc(&b, *p);
	}
	buf_putc(&b, '%');
	return b.p;
}

/* Enough to refuse what cannot be delivered or would break a mail header; whether the address
 * exists shows when its mail is answered. RFC 5321 §4.5.3.1 limits. */
bool mail_is_plain(const char *mail)
{
	size_t n = strlen(mail);
	const char *at = strrchr(mail, '@');
	if (n > 254 || !at || at == mail || at - mail > 64 || strchr(mail, '@') != at)
		return false;
	for (const char *p = mail; *p; p++)
		if ((unsigned char)*p <= ' ' || (unsigned char)*p >= 0x7f ||
		    strchr("<>()[],;:\\\"", *p))
			return false;
	const char *domain = at + 1, *dot = strrchr(domain, '.');
	if (domain[0] == '.' || domain[0] == '-' || strstr(mail, "..") || mail[0] == '.' ||
	    at[-1] == '.')
		return false;
	return dot ? dot[1] != '\0' : strcmp(domain, "localhost") == 0;
}

bool login_is_plain(const char *login)
{
	size_t n = strlen(login);
	return n >= 1 && n <= 64 && strspn(login, "abcdefghijklmnopqrstuvwxyz0123456789._-") == n;
}
