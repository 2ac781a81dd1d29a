#include "pki/der.h"

#include "base/time.h"

bool der_next(struct str *in, int *tag, struct str *content, struct str *whole)
{
	const unsigned char *p = (const unsigned char *)in->p;
	size_t at = 2, n;
	if (in->n < 2 || (p[0] & 0x1f) == 0x1f)
		return false;
	n = p[1];
	if (n >= 0x80) {
		size_t bytes = n & 0x7f;
		if (bytes == 0 || bytes > 4 || in->n < 2 + bytes || p[2] == 0)
			return false;
		n = 0;
		for (; at < 2 + bytes; at++)
			n = n << 8 | p[at];
		if (n < 0x80)
			return false;
	}
	if (n > in->n - at)
		return false;
	if (tag)
		*tag = p[0];
	if (content)
		*content = (struct str){in->p + at, n};
	if (whole)
		*whole = (struct str){in->p, at + n};
	*in = (struct str){in->p + at + n, in->n - at - n};
	return true;
}

bool der_take(struct str *in, int tag, struct str *content)
{
	return in->n > 0 && (unsigned char)in->p[0] == tag && der_next(in, NULL, content, NULL);
}

bool der_only(struct str in, int tag, struct str *content)
{
	return der_take(&in, tag, content) && in.n == 0;
}

bool der_is_oid(struct str content, struct str oid)
{
	return str_eq(content, oid);
}

static bool digits(struct str *s, size_t n, int *out)
{
	if (s->n < n)
		return false;
	*out = 0;
	for (size_t i = 0; i < n; i++) {
		if (s->p[i] < '0' || s->p[i] > '9')
			return false;
		*out = *out * 10 + (s->p[i] - '0');
	}
	*s = (struct str){s->p + n, s->n - n};
	return true;
}

bool der_time(struct str *in, int64_t *us)
{
	enum { UTC_TIME = 0x17, GENERALIZED_TIME = 0x18 };
	struct str s;
	struct date d;
	int tag, hour, minute, second;
	if (!der_next(in, &tag, &s, NULL) || (tag != UTC_TIME && tag != GENERALIZED_TIME) ||
	    !digits(&s, tag == UTC_TIME ? 2 : 4, &d.year) || !digits(&s, 2, &d.month) ||
	    !digits(&s, 2, &d.day) || !digits(&s, 2, &hour) || !digits(&s, 2, &minute) ||
	    !digits(&s, 2, &second) || !str_is(s, "Z"))
		return false;
	if (tag == UTC_TIME)
		d.year += d.year >= 50 ? 1900 : 2000;
	if (!date_valid(d) || hour > 23 || minute > 59 || second > 59)
		return false;
	int64_t seconds = date_to_days(d) * INT64_C(86400) + hour * 3600 + minute * 60 + second;
	*us = seconds * 1000000;
	return true;
}

bool der_small(struct str *in, int64_t *out)
{
	struct str s;
	if (!der_take(in, DER_INTEGER, &s) || s.n == 0 || s.n > 4 || (s.p[0] & 0x80))
		return false;
	*out = 0;
	for (size_t i = 0; i < s.n; i++)
		*out = *out << 8 | (unsigned char)s.p[i];
	return true;
}
