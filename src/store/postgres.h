/* What the two files of the PostgreSQL backend share. */
#ifndef STORE_POSTGRES_H
#define STORE_POSTGRES_H

#include <libpq-fe.h>

#include "store/private.h"

enum { BACKOFF_MIN_MS = 50 };

/* --- postgres.c --- */
/* Notes what happened to the connection and says it in our words; NULL: the connection itself. */
int pg_fail(struct db *, const PGresult *, struct err *);
int pg_connect(struct db *, struct err *);
/* Runs a text without parameters; takes the first column of the first row when out is given. */
int pg_exec(struct db *, const char *text, char *out, size_t size, struct err *);
/* Sends a text whose answer is read later; that of pg_ask_xid goes to db->xid. */
int pg_send_later(struct db *, const char *text, struct err *);
extern const char pg_ask_xid[];
/* Reads what is outstanding; *last, when given, gets the answer of one statement more that was sent
 * after them. The first failure is the one told: the server skipped what came after it. */
int pg_read_answers(struct db *, PGresult **last, struct err *);
/* The same when anything is outstanding. */
int pg_settle(struct db *, struct err *);

/* --- postgres_write.c --- */
int pg_open(struct store *, struct err *);
void pg_close(struct store *);

#endif
