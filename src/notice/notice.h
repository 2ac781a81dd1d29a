/* Notices: mails (later other channels) queued with the change they tell of, and the outbox that
 * shows what became of them. */
#ifndef NOTICE_NOTICE_H
#define NOTICE_NOTICE_H

#include <jansson.h>

#include "store/store.h"

struct module;

/* Queues a mail inside a write: template templates/notice/mail/<kind>.<lang>.txt ("identity/x":
 * templates/identity/mail/x.<lang>.txt), first line "Subject: ...", an empty line, the text. It is
 * filled from the view when the mail is sent; values must be put in with three braces ({{{name}}}),
 * for a mail is no HTML. subject says what it is about ("application:12"). view is borrowed.
 *
 * Every view gets these when they are missing: city (name), base_url, lang, mail_to.
 * Kinds and what they want besides (in brackets: may be missing):
 *
 * - confirm-address, confirm-mail: url, hours, [name]
 * - password-reset: url, hours, [name], [login]
 * - already-registered, mail-changed, password-changed, second-added, second-removed,
 * recovery-used, account-closed: name, login_url
 * - new-sign-in (also called new-device): name, at (instant), address, agent, login_url
 * - receipt, accepted, correction-requested, correction-reminder, decided, document-ready, message,
 *   withdrawn: procedure (title), receipt_number, url, [name], [department], [phone]; besides
 *   receipt: [due]; correction-*: due, [message], [fields: [{label, message}]]; decided:
 * [outcome_text], [is_refused]; document-ready: document {title, number, url, verify_url}; message:
 * [text]
 * - staff-reminder: name, url, items: [{title, receipt_number, due}], [overdue]
 * - text: subject_text, body_text: a definition's own texts, Mustache themselves, filled from the
 * view */
int notice_mail(struct db *, const char *to, const char *lang, const char *kind,
    const char *subject, json_t *view, struct err *);

/* Set once at start by the module that knows who may see what a mail is about ("application:12",
 * "account:3"): for staff from whom it is hidden the outbox shows neither address nor text. */
void notice_set_hides(bool (*hides)(struct db *, const char *about, int64_t staff));

/* Inside a write: removes the mails about a subject from the outbox, at the end of its retention
 * period. Those still on their way stay; they are forgotten like any other mail. */
int notice_forget(struct db *, const char *subject, struct err *);

/* True when the text could be the address of a mail that this program sends: one @, no white space
 * or control characters, letters of ASCII. */
bool mail_address_valid(const char *address);

extern const struct module notice_module;

#endif
