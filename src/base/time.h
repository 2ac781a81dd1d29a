/* Instants, civil dates, Japanese eras, holidays and business days. The city's zone is Asia/Tokyo
 * (UTC+9, no summer time). Everything here is safe to call from any thread. */
#ifndef BASE_TIME_H
#define BASE_TIME_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/str.h"

/* Now, in microseconds since 1970 UTC. MACHI_NOW (RFC 3339, or a date: its midnight in Japan),
 * read once, stops the clock at that instant for tests and demo. */
int64_t now_us(void);
/* Stops the clock at an instant, for tests that move it; 0 gives the real clock (or MACHI_NOW)
 * back. */
void now_set_us(int64_t us);
/* A clock that nobody sets, for how long something takes. */
int64_t monotonic_us(void);

struct date {
	int year, month, day; /* proleptic Gregorian, years 1 to 9999; year 0: no date */
};

struct date date_today(void);       /* civil date of now_us() in Japan */
struct date date_of_us(int64_t us); /* civil date in Japan; no date outside 1 to 9999 */
int64_t date_start_us(struct date); /* its midnight in Japan, as an instant */
bool date_valid(struct date);
int date_compare(struct date, struct date); /* <0, 0, >0; no date comes first */
/* Days since 1970-01-01. The date must be valid. */
int32_t date_to_days(struct date);
struct date date_from_days(int32_t); /* no date outside the years 1 to 9999 */
/* The next three give no date for no date, and when the result leaves the years 1 to 9999. */
struct date date_add_days(struct date, int days);
struct date date_add_months(struct date, int months); /* the last day when the month is shorter */
struct date date_month_end(struct date);
int date_weekday(struct date); /* 0 Sunday */
/* Full years on a day, counted by birthdays; negative before birth. (By 年齢計算ニ関スル法律 the
 * year is full when the day before the birthday ends, which is the same instant; a rule that says
 * "on the day on which the age is reached" means that day before: compare with on + 1 day.) Who was
 * born on 29 February is a year older on 1 March of other years. */
int date_age(struct date birth, struct date on);
int date_fiscal_year(struct date); /* April to March */

/* "2026-11-21"; parse takes ISO, 2026/11/21, 2026.11.21, 2026年11月21日, 令和8年11月21日,
 * R8.11.21, 令和元年…, the one-character forms of eras (令, ㋿), full-width digits and
 * signs, white space around the parts, and yyyymmdd. False when it is not a date or the era had no
 * such day
 * (*out is then untouched). */
bool date_parse(struct str, struct date *out);
/* "2026-11-21"; "" for no date. */
char *date_format(struct arena *, struct date);
/* lang ja: "2026年11月21日"; others: "21 November 2026"; "" for no date. */
char *date_text(struct arena *, struct date, const char *lang);
/* "令和8年11月21日", first years as 元年; lang en: "Reiwa 8 (2026) November 21". Before Meiji as
 * date_text(). */
char *date_era_text(struct arena *, struct date, const char *lang);
struct era {
	const char *name, *letter, *latin; /* "令和", "R", "Reiwa" */
	struct date from;
};
/* NULL before Meiji (1868-10-23). Dates before 1873 were lunisolar then; here they are counted as
 * if the Gregorian calendar had been in use. */
const struct era *era_of(struct date);

/* RFC 3339 in UTC with microseconds, and back (any offset; digits below a microsecond are cut). */
char *instant_format(struct arena *, int64_t us);
bool instant_parse(struct str, int64_t *us);
/* Date and time of day in Japan. ja: "2026年11月21日 18:46"; others: "21 November 2026, 18:46". */
char *instant_text(struct arena *, int64_t us, const char *lang);

/* Public holidays (1955 to 2050, from the built-in data/holidays/holidays.csv) and business days:
 * not Saturday, Sunday, holiday, nor 29 December to 3 January (行政機関の休日に関する法律 第1条;
 * the cities' ordinances follow it). */
bool date_is_holiday(struct date);
/* "元日", or NULL when the day is no holiday. Static. */
const char *date_holiday_name(struct date);
bool date_is_business_day(struct date);
/* The days-th business day after (negative: before) a date. 0: the date itself when it is a
 * business day, else the next one. */
struct date date_add_business_days(struct date, int days);

#endif
