#include "base/time.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/log.h"

static const int64_t day_us = INT64_C(86400000000);
static const int64_t japan_us = INT64_C(9) * 3600 * 1000000;

static _Atomic int64_t set_us; /* by now_set_us() */
static int64_t environment_us; /* MACHI_NOW, 0: none */
static pthread_once_t environment_once = PTHREAD_ONCE_INIT;

static void read_environment(void)
{
	struct str text = str_from(getenv("MACHI_NOW"));
	struct date day;
	if (text.n == 0)
		return;
	if (date_parse(text, &day))
		environment_us = date_start_us(day);
	else if (!instant_parse(text, &environment_us))
		log_warn("clock", "MACHI_NOW=%.*s is not an RFC 3339 time: the real clock is used",
		    STR_ARG(text));
}

int64_t now_us(void)
{
	int64_t fixed = atomic_load_explicit(&set_us, memory_order_relaxed);
	if (fixed)
		return fixed;
	(void)pthread_once(&environment_once, read_environment); /* cannot fail */
	if (environment_us)
		return environment_us;
	struct timespec ts;
	(void)clock_gettime(CLOCK_REALTIME, &ts); /* cannot fail with a valid clock */
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

int64_t monotonic_us(void)
{
	struct timespec ts;
	(void)clock_gettime(CLOCK_MONOTONIC, &ts); /* cannot fail with a valid clock */
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

void now_set_us(int64_t us)
{
	atomic_store_explicit(&set_us, us, memory_order_relaxed);
}

/* a / b rounded down, also for instants before 1970. */
static int64_t floor_div(int64_t a, int64_t b)
{
	return a / b - (a % b < 0);
}

struct date date_today(void)
{
	return date_of_us(now_us());
}

struct date date_of_us(int64_t us)
{
	/* Before the addition of the offset, which could overflow at the end of the range. */
	int64_t days = floor_div(us, day_us), in_day = us % day_us;
	in_day += in_day < 0 ? day_us : 0;
	days += in_day >= day_us - japan_us;
	return date_from_days((int32_t)days); /* at most 107 million */
}

int64_t date_start_us(struct date d)
{
	return (int64_t)date_to_days(d) * day_us - japan_us;
}

struct clock {
	struct date date;
	int hour, minute, second, us;
};

static struct clock clock_of(int64_t us, int64_t offset_us)
{
	int64_t days = floor_div(us, day_us), rest = us - days * day_us + offset_us;
	if (rest >= day_us) {
		days++;
		rest -= day_us;
	}
	return (struct clock){
	    .date = date_from_days((int32_t)days),
	    .hour = (int)(rest / INT64_C(3600000000)),
	    .minute = (int)(rest / 60000000 % 60),
	    .second = (int)(rest / 1000000 % 60),
	    .us = (int)(rest % 1000000),
	};
}

char *instant_format(struct arena *a, int64_t us)
{
	struct clock c = clock_of(us, 0);
	return arena_printf(a, "%04d-%02d-%02dT%02d:%02d:%02d.%06dZ", c.date.year, c.date.month,
	    c.date.day, c.hour, c.minute, c.second, c.us);
}

char *instant_text(struct arena *a, int64_t us, const char *lang)
{
	struct clock c = clock_of(us, japan_us);
	return arena_printf(a, "%s%s %02d:%02d", date_text(a, c.date, lang),
	    strncmp(lang, "ja", 2) == 0 ? "" : ",", c.hour, c.minute);
}

/* n digits at *s; moves on. -1 when there are fewer. */
static int digits(struct str *s, size_t n)
{
	if (s->n < n)
		return -1;
	int v = 0;
	for (size_t i = 0; i < n; i++) {
		if (s->p[i] < '0' || s->p[i] > '9')
			return -1;
		v = v * 10 + (s->p[i] - '0');
	}
	s->p += n;
	s->n -= n;
	return v;
}

static bool one_of(struct str *s, const char *set)
{
	if (s->n == 0 || s->p[0] == '\0' || !strchr(set, s->p[0]))
		return false;
	s->p++;
	s->n--;
	return true;
}

bool instant_parse(struct str s, int64_t *us)
{
	/* RFC 3339 §5.6 date-time. */
	struct date d;
	d.year = digits(&s, 4);
	bool ok = one_of(&s, "-");
	d.month = digits(&s, 2);
	ok = ok && one_of(&s, "-");
	d.day = digits(&s, 2);
	ok = ok && one_of(&s, "Tt ") && date_valid(d);
	int hour = digits(&s, 2);
	ok = ok && one_of(&s, ":");
	int minute = digits(&s, 2);
	ok = ok && one_of(&s, ":");
	int second = digits(&s, 2);
	/* 60 is a leap second; it becomes the first instant of the next minute, as in POSIX. */
	if (!ok || hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 60)
		return false;
	int fraction = 0;
	if (one_of(&s, ".")) {
		int unit = 100000;
		size_t n = 0;
		for (; s.n && s.p[0] >= '0' && s.p[0] <= '9'; n++) {
			fraction += (s.p[0] - '0') * unit;
			unit /= 10;
			s.p++;
			s.n--;
		}
		if (n == 0)
			return false;
	}
	int offset = 0;
	if (!one_of(&s, "Zz")) {
		bool west = s.n && s.p[0] == '-';
		if (!one_of(&s, "+-"))
			return false;
		int hours = digits(&s, 2);
		ok = one_of(&s, ":");
		int minutes = digits(&s, 2);
		if (!ok || hours < 0 || hours > 23 || minutes < 0 || minutes > 59)
			return false;
		offset = (hours * 60 + minutes) * (west ? -60 : 60);
	}
	if (s.n)
		return false;
	int64_t seconds = (int64_t)date_to_days(d) * 86400 + hour * 3600 + minute * 60 + second;
	*us = (seconds - offset) * 1000000 + fraction;
	return true;
}
