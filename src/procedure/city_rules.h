/* The city's settings that the life of applications follows: its own closed days, and where
 * applications go whose department is not there. */
#ifndef PROCEDURE_CITY_RULES_H
#define PROCEDURE_CITY_RULES_H

#include "base/time.h"
#include "store/store.h"
#include "web/city.h"

/* Brings the store in line with the settings `closed-days` and `fallback-department` of city.yaml.
 * What is no date is logged and left out. At the city's opening. */
int city_rules_load(struct city *, struct err *);

/* Days on which the office is closed beside those of the law (date_is_business_day()); year 0:
 * every year. */
struct calendar {
	struct date *closed; /* on the arena */
	int n;
};
int city_calendar(struct db *, struct arena *, struct calendar *, struct err *);
bool calendar_open_on(const struct calendar *, struct date);

/* The department that the settings name. 1, 0 when there is none, <0. */
int city_fallback_department(struct db *, struct arena *, char **name, struct err *);

#endif
