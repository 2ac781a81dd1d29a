/* Shared by the files of this folder. */
#ifndef PROCEDURE_MY_NUMBER_PRIVATE_H
#define PROCEDURE_MY_NUMBER_PRIVATE_H

#include "base/json.h"
#include "procedure/application/life.h"
#include "procedure/my_number/my_number.h"
#include "procedure/pages/pages.h"

/* The page of a case's numbers; number_page_load(): 0 go on, 1 answered, <0. */
struct number_page {
	struct application *app;
	struct procedure *procedure;
	json_t *numbers; /* what can be shown: [{name, label}] */
	const char *purpose, *reason, *field;
};
int number_page_load(struct request *, struct number_page **, struct err *);
/* Notes the reading and fills the view; also for a form that came back. */
int number_page_show(struct request *, const struct number_page *, struct err *);
/* options: a choice of them, taken over; NULL: a text. */
void number_field_add(struct request *, json_t *fields, const struct page_field *, json_t *options);

/* The fields of the form for a check. New reference. */
json_t *number_check_fields(struct request *);
int number_check_post(struct request *, struct err *);

#endif
