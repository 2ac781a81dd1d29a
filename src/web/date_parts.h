/* A date as people enter it: an era or 西暦, and year, month, day; the component web/field-date.
 * For the form engine and for the fields of hand-written pages. Safe to call from any thread. */
#ifndef WEB_DATE_PARTS_H
#define WEB_DATE_PARTS_H

#include <jansson.h>

#include "base/i18n.h"
#include "base/time.h"

/* era: a letter ("R"), a name ("reiwa", "令和"), or "" for a western year. No member is NULL. */
struct date_parts {
	const char *era, *year, *month, *day;
};

/* "", "R", "H" … for what was sent as the era. */
const char *date_parts_era(const char *sent);
/* The parts of a date: in its era where people speak Japanese. The strings are the arena's. */
struct date_parts date_parts_of(struct arena *, struct date, const char *lang);
/* What an empty field begins with. */
struct date_parts date_parts_none(const char *lang);
/* Reads what was typed; full-width digits do, a western year needs all four. False when it is no
 * date. */
bool date_parts_read(struct arena *, const struct date_parts *, struct date *out);
/* Sets view.parts and part_list, named "<name>.year" …, with ids that begin with id. i18n may be
 * NULL: the labels are their keys then. */
void date_parts_view(json_t *view, struct arena *, const struct i18n *, const char *lang,
    const char *id, const char *name, const struct date_parts *);

#endif
