/* What went wrong, for the person, for the form and for the log. */
#ifndef BASE_ERR_H
#define BASE_ERR_H

#include <stddef.h>

/* The kind decides the HTTP status and whether a job is tried again. */
enum err_kind {
	ERR_NONE,
	ERR_INPUT,     /* 422: what the person sent cannot be used */
	ERR_MALFORMED, /* 400: the request itself is broken */
	ERR_AUTH,      /* 401: sign in first */
	ERR_DENIED,    /* 403: signed in, but not allowed */
	ERR_MISSING,   /* 404: not there, or not yours to know of */
	ERR_METHOD,    /* 405 */
	ERR_CONFLICT,  /* 409: somebody was faster */
	ERR_TOO_LARGE, /* 413 */
	ERR_MEDIA,     /* 415 */
	ERR_RATE,      /* 429 */
	ERR_BUSY,      /* 503: try again later */
	ERR_IO,        /* 500: disk or network */
	ERR_STORE,     /* 500: the database */
	ERR_INTERNAL,  /* 500: our own fault */
	ERR_COUNT
};

enum { ERR_DETAIL_MAX = 512, ERR_FIELD_MAX = 96 };

struct err {
	enum err_kind kind;
	const char
	    *msg; /* key of the message catalogue, static storage; NULL: the kind's own message */
	char field[ERR_FIELD_MAX];   /* form field it belongs to, or "" */
	char detail[ERR_DETAIL_MAX]; /* for the log and for operators; never sent to a browser */
};

/* Fills err (NULL is allowed) and returns -(int)kind, so that a function can end with
 * `return err_set(err, ERR_CONFLICT, "booking.slot_taken", "slot %d", n);`.
 * msg must be a string literal or NULL. */
int err_set(struct err *, enum err_kind, const char *msg, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

/* As err_set() and names the form field. */
int err_field(struct err *, enum err_kind, const char *field, const char *msg, const char *fmt, ...)
    __attribute__((format(printf, 5, 6)));

/* The compiler does not see into these functions. With the kind in sight it knows that a caller who
 * gets the error gets a negative number, and not one without the result. */
static inline int err_is(enum err_kind kind, int rc)
{
	(void)rc;
	return -(int)kind;
}
#define err_set(err, kind, ...) err_is(kind, (err_set)(err, kind, __VA_ARGS__))
#define err_field(err, kind, ...) err_is(kind, (err_field)(err, kind, __VA_ARGS__))

/* Puts what this layer knows in front of the detail: "file.yaml:12: " ... Returns -(int)kind. */
int err_prefix(struct err *, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

int err_http_status(enum err_kind);
enum err_kind err_of_http_status(int status); /* the first that has it; ERR_INTERNAL: none */
const char *err_kind_name(enum err_kind);     /* "input", "conflict", ... */

#endif
