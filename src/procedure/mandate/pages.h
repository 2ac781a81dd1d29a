/* What the pages of mandates on record share. Private to this folder but for mandate_covers(). */
#ifndef PROCEDURE_MANDATE_PAGES_H
#define PROCEDURE_MANDATE_PAGES_H

#include "identity/mandate/mandate.h"
#include "procedure/application.h"
#include "procedure/catalogue.h"

/* Is the procedure in the mandate's scope, by its name or by one of its life events? */
bool mandate_covers(const struct mandate *, const struct procedure *);

/* {id, principal_name, agent_name, organisation, corporate_number, unit, ground, ground_text,
 * scope: [texts] (null: every procedure), acts: [texts], from, until, state, state_text, tag,
 * open}. New reference. What else its readers may see (birthday, address, proof) they add
 * themselves. */
json_t *mandate_view(struct request *, const struct mandate *);
/* "Every procedure", or what the scope holds; on the request's arena. */
const char *mandate_scope_text(struct request *, const struct mandate *);
const char *mandate_ground_text(struct request *, const char *ground);
/* "invited", "waiting", "later", "active", "over", "ended", "refused". */
const char *mandate_state_now(const struct mandate *, const char *day);

/* The fields of view.form: those of `fields`, with what was typed. */
enum mandate_field {
	FIELD_OF_MAIL = 1,
	FIELD_OF_PRINCIPAL = 2, /* name, birthday, address */
	FIELD_OF_NUMBER = 4,    /* 法人番号 */
	FIELD_OF_FILE = 8,
	FIELD_OF_SEEN = 16,
	FIELD_OF_AGENT = 32,         /* the agent's mail address, for staff */
	FIELD_OF_PRINCIPAL_MAIL = 64 /* the principal's, for staff */
};
/* grounds: words parted by spaces. */
void mandate_form(struct request *, json_t *form, unsigned fields, const char *grounds);
/* What was typed; problems are noted at their fields. */
void mandate_take(struct request *, unsigned fields, struct mandate *);

/* Tells an account's owner what became of a mandate; event: "accepted", "refused", "approved",
 * "registered", "ended", "proposed". Nothing for account 0. Inside a write. */
int mandate_tell(struct request *, struct db *, int64_t account, const char *event,
    const struct mandate *, struct err *);

/* Those by which the account may apply for the procedure today, as this kind of applicant ("proxy":
 * for somebody; "business": as staff of a company): the count or <0, on the arena. */
int mandate_choices(struct request *, struct db *, const struct procedure *, const char *kind,
    struct mandate **out, struct err *);
/* One of them, by its id; ERR_MISSING when it is not. */
int mandate_choose(struct request *, struct db *, const struct procedure *, const char *kind,
    int64_t id, struct mandate *out, struct err *);
/* A field of a choice among them; the last option, value 0, is `other`. New reference. */
json_t *mandate_choice_field(
    struct request *, const struct mandate *, int n, const char *other, int64_t chosen);
/* view.mandate_record: the mandate on record that an application was made by; nothing without one.
 */
int mandate_used_view(struct request *, const struct application *, struct err *);

extern const struct module mandate_own_pages, mandate_staff_pages;

#endif
