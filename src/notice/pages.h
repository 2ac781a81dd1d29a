/* Pages of the outbox; shared between the files of src/notice only. */
#ifndef NOTICE_PAGES_H
#define NOTICE_PAGES_H

#include "web/web.h"

int outbox_show(struct request *, struct err *);
int outbox_one(struct request *, struct err *);
int outbox_send(struct request *, struct err *);
int outbox_discard(struct request *, struct err *);

#endif
