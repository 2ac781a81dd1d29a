/* 個人番号 as staff handle it: shown by an explicit act with its purpose, checked against
 * documents. All of it lives below /staff/my-number, so that a network zone can name it, and needs
 * a session of two factors and a role that shows the class `my-number`. Sealing is in
 * application/secret.c. */
#ifndef PROCEDURE_MY_NUMBER_H
#define PROCEDURE_MY_NUMBER_H

#include "procedure/application.h"
#include "web/web.h"

/* May the actor have the numbers of this application: it is sent, they see it, no protection hides
 * it from them, and a role of theirs in its department shows the class `my-number`? Never by an API
 * token. Emergency access brings no right of its own. */
bool app_shows_numbers(struct db *, const struct app_actor *, const struct application *);

/* Staff who are to handle a form that asks for a 個人番号: 0 go on (also for everybody else and all
 * other forms), 1 answered (a page leads to the second factor and from there to next; NULL: back
 * here), <0. */
int number_demand(struct request *, const struct procedure *, const char *next, struct err *);

/* For the case's page, of a form that asks for a number: view.my_number = {checks: [{number_by,
 * person_by, note, staff_name, at}], href when the reader may have it}. */
void number_link(struct request *, struct db *, const struct app_actor *,
    const struct application *, const struct procedure *, struct err *);

/* How number and person were checked, the last one first. New reference. */
json_t *number_checks(struct request *, struct db *, const struct application *, struct err *);
struct number_check {
	const char *number_by, *person_by, *note; /* note: NULL: none */
};
/* Inside a write: records a check; a move of the table. ERR_INPUT at "number_by", "person_by". */
int number_check_add(struct db *, struct arena *, const struct app_actor *, int64_t id,
    const struct number_check *, struct err *);
/* Does the definition want numbers to be checked before a grant, and is there one that nobody did?
 * kids: of the application. */
bool number_check_missing(const struct procedure *, int64_t kids, const json_t *answers);

#endif
