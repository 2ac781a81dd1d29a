/* Notices: mails (later other channels) queued with the change they tell of. */
#ifndef NOTICE_NOTICE_H
#define NOTICE_NOTICE_H

#include <jansson.h>

#include "store/store.h"

/* Queues a mail inside a write: template templates/mail/<kind>.txt in lang (first line "Subject: "),
 * filled from view when it is sent. subject: what it is about ("application:12"). */
int notice_mail(struct db *, const char *to, const char *lang, const char *kind, const char *subject,
    json_t *view, struct err *);

#endif
