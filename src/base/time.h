/* Instants, civil dates, Japanese eras, holidays and business days. The city's zone is Asia/Tokyo
 * (UTC+9, no summer time). */
#ifndef BASE_TIME_H
#define BASE_TIME_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/str.h"

/* Now, in microseconds since 1970 UTC. MACHI_NOW (RFC 3339) fixes the clock for tests and demo. */
int64_t now_us(void);

struct date {
	int year, month, day; /* proleptic Gregorian; year 0: no date */
};

struct date date_of_us(int64_t us);            /* civil date in Japan */
int64_t date_start_us(struct date);            /* its midnight in Japan, as an instant */
bool date_valid(struct date);
int date_compare(struct date, struct date);
int32_t date_to_days(struct date);             /* days since 1970-01-01 */
struct date date_from_days(int32_t);
struct date date_add_days(struct date, int days);
struct date date_add_months(struct date, int months); /* the last day when the month is shorter */
int date_weekday(struct date);                 /* 0 Sunday */
int date_age(struct date birth, struct date on); /* 年齢計算ニ関スル法律: a year older the day before
                                                  * the birthday ends; here: full years by birthday */
int date_fiscal_year(struct date);             /* April to March */

/* "2026-11-21"; parse takes ISO, 2026/11/21, 2026年11月21日, 令和8年11月21日, R8.11.21, 令和元年…,
 * full-width digits, and yyyymmdd. False when it is not a date or the era had no such day. */
bool date_parse(struct str, struct date *);
char *date_format(struct arena *, struct date);
/* lang ja: "2026年11月21日"; en: "21 November 2026". */
char *date_text(struct arena *, struct date, const char *lang);
/* "令和8年11月21日", first years as 元年; lang en: "Reiwa 8 (2026) November 21". */
char *date_era_text(struct arena *, struct date, const char *lang);
struct era {
	const char *name, *letter, *latin;
	struct date from;
};
const struct era *era_of(struct date); /* NULL before Meiji (1868-10-23) */

/* RFC 3339 in UTC with microseconds, and back. */
char *instant_format(struct arena *, int64_t us);
bool instant_parse(struct str, int64_t *us);
char *instant_text(struct arena *, int64_t us, const char *lang); /* date and hh:mm in Japan */

/* Public holidays and business days, from the built-in table (data/holidays); a city may add closed
 * days (12-29 to 01-03 are closed by default). */
bool date_is_holiday(struct date);
bool date_is_business_day(struct date);
struct date date_add_business_days(struct date, int days);

#endif
