/* Civil dates, eras, and reading dates as people write them. */
#include <string.h>

#include "base/time.h"

bool date_valid(struct date d)
{
	static const int lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	if (d.year < 1 || d.year > 9999 || d.month < 1 || d.month > 12 || d.day < 1)
		return false;
	bool leap = (d.year % 4 == 0 && d.year % 100 != 0) || d.year % 400 == 0;
	return d.day <= lengths[d.month - 1] + (d.month == 2 && leap);
}

int date_compare(struct date a, struct date b)
{
	if (a.year != b.year)
		return a.year < b.year ? -1 : 1;
	if (a.year == 0)
		return 0;
	if (a.month != b.month)
		return a.month < b.month ? -1 : 1;
	return a.day < b.day ? -1 : a.day > b.day;
}

/* Both ways count in 400-year periods of 146,097 days with the year beginning in March, so that the
 * leap day is the last of the year (Hinnant, "chrono-compatible low-level date algorithms"). */
int32_t date_to_days(struct date d)
{
	int y = d.year - (d.month <= 2);
	int period = (y >= 0 ? y : y - 399) / 400;
	int year = y - period * 400;
	int day = (153 * (d.month + (d.month > 2 ? -3 : 9)) + 2) / 5 + d.day - 1;
	return period * 146097 + year * 365 + year / 4 - year / 100 + day - 719468;
}

struct date date_from_days(int32_t days)
{
	if (days < -719162 || days > 2932896) /* 0001-01-01, 9999-12-31 */
		return (struct date){0};
	int z = days + 719468;
	int period = (z >= 0 ? z : z - 146096) / 146097;
	int day = z - period * 146097;
	int year = (day - day / 1460 + day / 36524 - day / 146096) / 365;
	int of_year = day - (365 * year + year / 4 - year / 100);
	int month = (5 * of_year + 2) / 153;
	struct date d = {
	    .year = year + period * 400,
	    .month = month + (month < 10 ? 3 : -9),
	    .day = of_year - (153 * month + 2) / 5 + 1,
	};
	d.year += d.month <= 2;
	return d;
}

struct date date_add_days(struct date d, int days)
{
	int32_t sum;
	if (!date_valid(d) || __builtin_add_overflow(date_to_days(d), days, &sum))
		return (struct date){0};
	return date_from_days(sum);
}

struct date date_month_end(struct date d)
{
	if (!date_valid(d))
		return (struct date){0};
	d.day = 31;
	while (!date_valid(d))
		d.day--;
	return d;
}

struct date date_add_months(struct date d, int months)
{
	if (!date_valid(d))
		return (struct date){0};
	int64_t month = (int64_t)d.year * 12 + d.month - 1 + months;
	if (month < 12 || month >= INT64_C(10000) * 12)
		return (struct date){0};
	struct date out = {(int)(month / 12), (int)(month % 12) + 1, 1};
	struct date end = date_month_end(out);
	out.day = d.day < end.day ? d.day : end.day;
	return out;
}

int date_weekday(struct date d)
{
	int w = (date_to_days(d) + 4) % 7; /* 1970-01-01 was a Thursday */
	return w < 0 ? w + 7 : w;
}

int date_age(struct date birth, struct date on)
{
	bool before_birthday =
	    on.month < birth.month || (on.month == birth.month && on.day < birth.day);
	return on.year - birth.year - before_birthday;
}

int date_fiscal_year(struct date d)
{
	return d.year - (d.month < 4);
}

static const struct era eras[] = {
    {"明治", "M", "Meiji", {1868, 10, 23}},
    {"大正", "T", "Taisho", {1912, 7, 30}},
    {"昭和", "S", "Showa", {1926, 12, 25}},
    {"平成", "H", "Heisei", {1989, 1, 8}},
    {"令和", "R", "Reiwa", {2019, 5, 1}},
};

/* How an era is written, besides its name and letter, and the last day that bore it. 1912-07-30 and
 * 1926-12-25 bore two: the order in council came during the day and named the same day, so
 * registers have both. The later changes were made for the next day. */
static const struct {
	uint32_t kanji, square;
	struct date last;
} spellings[COUNT(eras)] = {
    {U'明', U'㍾', {1912, 7, 30}},
    {U'大', U'㍽', {1926, 12, 25}},
    {U'昭', U'㍼', {1989, 1, 7}},
    {U'平', U'㍻', {2019, 4, 30}},
    {U'令', U'㋿', {9999, 12, 31}},
};

const struct era *era_of(struct date d)
{
	for (size_t i = COUNT(eras); i-- > 0;)
		if (date_compare(d, eras[i].from) >= 0)
			return &eras[i];
	return NULL;
}

/* What is being read: code points with width and dash variants made one. */
struct reader {
	uint32_t c[40];
	size_t n, i;
};

static bool reader_init(struct reader *r, struct str s)
{
	*r = (struct reader){0};
	while (s.n) {
		int32_t c = utf8_next(&s);
		if (c < 0 || r->n == COUNT(r->c))
			return false;
		if (c >= 0xFF01 && c <= 0xFF5E)
			c -= 0xFEE0; /* full-width ASCII */
		else if (c == 0x3000 || c == 0xA0 || c == '\t')
			c = ' ';
		else if ((c >= 0x2010 && c <= 0x2015) || c == 0x2212 || c == 0x30FC || c == 0xFF70)
			c = '-';
		r->c[r->n++] = (uint32_t)c;
	}
	return true;
}

static void skip_space(struct reader *r)
{
	while (r->i < r->n && r->c[r->i] == ' ')
		r->i++;
}

static bool take(struct reader *r, uint32_t c)
{
	if (r->i >= r->n || r->c[r->i] != c)
		return false;
	r->i++;
	return true;
}

static bool take_text(struct reader *r, const char *text)
{
	size_t start = r->i;
	for (struct str s = str_from(text); s.n;) {
		if (!take(r, (uint32_t)utf8_next(&s))) {
			r->i = start;
			return false;
		}
	}
	return true;
}

/* A number; *length is how many digits it has (none is 0). At most 8 digits, so it cannot
 * overflow. */
static int take_number(struct reader *r, size_t *length)
{
	int v = 0;
	for (*length = 0; r->i < r->n && r->c[r->i] >= '0' && r->c[r->i] <= '9' && *length < 8;
	     ++*length)
		v = v * 10 + (int)(r->c[r->i++] - '0');
	return v;
}

/* The index of the era at this place, or -1. */
static int take_era(struct reader *r)
{
	for (size_t i = 0; i < COUNT(eras); i++) {
		uint32_t letter = (uint32_t)eras[i].letter[0];
		if (take_text(r, eras[i].name) || take(r, spellings[i].kanji) ||
		    take(r, spellings[i].square) || take(r, letter) || take(r, letter | 0x20))
			return (int)i;
	}
	return -1;
}

/* The sign or character between two parts; 0 when it is none. */
static uint32_t take_separator(struct reader *r, uint32_t kanji)
{
	skip_space(r);
	uint32_t c = r->i < r->n ? r->c[r->i] : 0;
	if (c != kanji && c != '-' && c != '/' && c != '.')
		return 0;
	r->i++;
	skip_space(r);
	return c;
}

/* Dates of our own: "2026-11-21" and nothing else; most are. */
static bool iso_parse(struct str s, struct date *out)
{
	int64_t year, month, day;
	if (s.n != 10 || s.p[4] != '-' || s.p[7] != '-' ||
	    !str_to_i64((struct str){s.p, 4}, 1, 9999, &year) ||
	    !str_to_i64((struct str){s.p + 5, 2}, 1, 12, &month) ||
	    !str_to_i64((struct str){s.p + 8, 2}, 1, 31, &day))
		return false;
	*out = (struct date){(int)year, (int)month, (int)day};
	return date_valid(*out);
}

bool date_parse(struct str s, struct date *out)
{
	struct date iso;
	if (iso_parse(s, &iso)) {
		*out = iso;
		return true;
	}
	struct reader r;
	if (!reader_init(&r, s))
		return false;
	skip_space(&r);
	int era = take_era(&r);
	skip_space(&r);

	struct date d = {0};
	size_t length;
	bool first_year = era >= 0 && take(&r, U'元');
	if (first_year) {
		d.year = 1;
	} else {
		d.year = take_number(&r, &length);
		if (era < 0 && length == 8) {
			d = (struct date){d.year / 10000, d.year / 100 % 100, d.year % 100};
			goto end;
		}
		/* Without an era only four digits say which year is meant. */
		if (era >= 0 ? length < 1 || length > 2 : length != 4)
			return false;
	}
	uint32_t after_year = take_separator(&r, U'年');
	d.month = take_number(&r, &length);
	if (!after_year || length < 1 || length > 2)
		return false;
	uint32_t after_month = take_separator(&r, U'月');
	d.day = take_number(&r, &length);
	if ((after_year == U'年') ? after_month != U'月' : after_month != after_year)
		return false;
	if (length < 1 || length > 2)
		return false;
	skip_space(&r);
	if (after_year == U'年')
		(void)take(&r, U'日'); /* often left out at the end of a cell */
end:
	skip_space(&r);
	if (r.i != r.n)
		return false;
	if (era >= 0) {
		if (d.year < 1)
			return false;
		d.year += eras[era].from.year - 1;
		if (date_compare(d, eras[era].from) < 0 || date_compare(d, spellings[era].last) > 0)
			return false;
	}
	if (!date_valid(d))
		return false;
	*out = d;
	return true;
}

char *date_format(struct arena *a, struct date d)
{
	if (d.year == 0)
		return arena_strdup(a, "");
	return arena_printf(a, "%04d-%02d-%02d", d.year, d.month, d.day);
}

static const char *month_name(int month)
{
	static const char *const names[] = {"January", "February", "March", "April", "May", "June",
	    "July", "August", "September", "October", "November", "December"};
	return names[month - 1];
}

static bool is_japanese(const char *lang)
{
	return strncmp(lang, "ja", 2) == 0;
}

char *date_text(struct arena *a, struct date d, const char *lang)
{
	if (!date_valid(d))
		return arena_strdup(a, "");
	if (is_japanese(lang))
		return arena_printf(a, "%d年%d月%d日", d.year, d.month, d.day);
	return arena_printf(a, "%d %s %d", d.day, month_name(d.month), d.year);
}

char *date_era_text(struct arena *a, struct date d, const char *lang)
{
	const struct era *e = date_valid(d) ? era_of(d) : NULL;
	if (!e)
		return date_text(a, d, lang);
	int year = d.year - e->from.year + 1;
	if (!is_japanese(lang))
		return arena_printf(
		    a, "%s %d (%d) %s %d", e->latin, year, d.year, month_name(d.month), d.day);
	if (year == 1)
		return arena_printf(a, "%s元年%d月%d日", e->name, d.month, d.day);
	return arena_printf(a, "%s%d年%d月%d日", e->name, year, d.month, d.day);
}
