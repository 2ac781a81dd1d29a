/* Shared between the files of src/notice only. */
#ifndef NOTICE_PRIVATE_H
#define NOTICE_PRIVATE_H

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include "notice/notice.h"
#include "store/jobs.h"
#include "store/store.h"
#include "web/city.h"

enum notice_statement {
	NOTICE_ADD,
	NOTICE_GET,
	NOTICE_LIST,
	NOTICE_LIST_STATE,
	NOTICE_COUNT,
	NOTICE_SENT,
	NOTICE_TRIED,
	NOTICE_REQUEUE,
	NOTICE_DISCARD,
	NOTICE_CLEAN,
	NOTICE_DROP,
	NOTICE_FORGET,
	NOTICE_SQL_COUNT
};
extern const struct sql notice_sql[NOTICE_SQL_COUNT];
extern const struct sql *const notice_statements[NOTICE_SQL_COUNT];

/* States of a notice, in the order in which the outbox shows them. */
enum notice_state {
	NOTICE_QUEUED,    /* a job will send it */
	NOTICE_HELD,      /* no mail server is set */
	NOTICE_FAILED,    /* could not be sent; will be tried again */
	NOTICE_DEAD,      /* given up */
	NOTICE_DONE,      /* taken by the mail server */
	NOTICE_DISCARDED, /* by the operator */
	NOTICE_STATE_COUNT
};
const char *notice_state_name(enum notice_state); /* as in the table */
int notice_state_parse(const char *name);         /* -1: none */

struct notice {
	int64_t id;
	const char *to, *lang, *kind, *about, *title, *message_id, *error;
	enum notice_state state;
	int64_t tries, created_us, tried_us, sent_us;
	json_t *view; /* on the arena; NULL: erased */
};
/* 1, 0, <0 */
int notice_get(struct db *, struct arena *, int64_t id, struct notice **out, struct err *);
/* Newest first, below before_id (0: from the top); state <0: all. The count or <0; views are not
 * read. */
int notice_list(struct db *, struct arena *, int state, int64_t before_id, int limit,
    struct notice **out, struct err *);
/* How many mails there are in each state, each counted to `most`: there are years of them. */
int notice_counts(struct db *, int64_t most, int64_t out[NOTICE_STATE_COUNT], struct err *);
/* Inside a write. ERR_CONFLICT "notice.state" when its state does not allow it. */
int notice_requeue(struct db *, int64_t id, const char *actor, struct err *);
int notice_discard(struct db *, int64_t id, const char *actor, struct err *);

/* --- message.c: a mail as bytes (RFC 5322, 2045, 2047) --- */
struct mail {
	const char *from, *from_name, *to, *subject, *body, *lang;
	const char *message_id; /* without <> */
	const char *list_id;    /* "notices.city.example" */
	int64_t at_us;
};
/* ERR_INPUT "notice.address" or "notice.header" for what cannot be a header. */
int mail_build(struct arena *, const struct mail *, struct str *out, struct err *);

/* --- compose.c: the text of a notice --- */
/* Fills the template; with masked links that let somebody in (confirm, reset) are left out. */
int notice_compose(struct city *, struct arena *, const struct notice *, bool masked, char **title,
    char **body, struct err *);
/* Does its text hold a link that must not be read by others? */
bool notice_is_secret(const char *kind);

/* --- smtp.c --- */
struct smtp {
	const char *url, *user, *password;
	const char
	    *ca; /* PEM file that the server's certificate must follow from; NULL: the system's */
	const char *host; /* what we call ourselves */
};
/* Gives the message to the mail server; with a password (unless the server is on this machine) or a
 * ca only over TLS with a valid certificate, or not at all. ERR_INPUT: it will never take it;
 * ERR_IO: try again. */
int smtp_send(struct arena *, const struct smtp *, const char *from, const char *to,
    struct str message, struct err *);

extern const struct job_kind notice_jobs[];
extern const int nnotice_jobs;

#endif
