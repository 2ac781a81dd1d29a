#include "base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const struct {
	const char *name;
	int status;
} kinds[] = {
    [ERR_NONE] = {"none", 200},
    [ERR_INPUT] = {"input", 422},
    [ERR_MALFORMED] = {"malformed", 400},
    [ERR_AUTH] = {"auth", 401},
    [ERR_DENIED] = {"denied", 403},
    [ERR_MISSING] = {"missing", 404},
    [ERR_METHOD] = {"method", 405},
    [ERR_CONFLICT] = {"conflict", 409},
    [ERR_TOO_LARGE] = {"too_large", 413},
    [ERR_MEDIA] = {"media", 415},
    [ERR_RATE] = {"rate", 429},
    [ERR_BUSY] = {"busy", 503},
    [ERR_IO] = {"io", 500},
    [ERR_STORE] = {"store", 500},
    [ERR_INTERNAL] = {"internal", 500},
};
_Static_assert(sizeof(kinds) / sizeof(kinds[0]) == ERR_COUNT, "a name for every kind");

__attribute__((format(printf, 5, 0))) static int fill(struct err *err, enum err_kind kind,
    const char *field, const char *msg, const char *fmt, va_list ap)
{
	if (err) {
		err->kind = kind;
		err->msg = msg;
		(void)snprintf(err->field, sizeof(err->field), "%s", field); /* cut if longer */
		(void)vsnprintf(err->detail, sizeof(err->detail), fmt, ap);  /* cut if longer */
	}
	return -(int)kind;
}

int(err_set)(struct err *err, enum err_kind kind, const char *msg, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	int rc = fill(err, kind, "", msg, fmt, ap);
	va_end(ap);
	return rc;
}

int(err_field)(
    struct err *err, enum err_kind kind, const char *field, const char *msg, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	int rc = fill(err, kind, field, msg, fmt, ap);
	va_end(ap);
	return rc;
}

int err_prefix(struct err *err, const char *fmt, ...)
{
	if (!err)
		return -(int)ERR_INTERNAL;
	char was[ERR_DETAIL_MAX];
	memcpy(was, err->detail, sizeof(was));
	va_list ap;
	va_start(ap, fmt);
	int n = vsnprintf(err->detail, sizeof(err->detail), fmt, ap);
	va_end(ap);
	if (n >= 0 && (size_t)n < sizeof(err->detail))
		(void)snprintf(err->detail + n, sizeof(err->detail) - (size_t)n, "%s", was);
	return -(int)err->kind;
}

int err_http_status(enum err_kind kind)
{
	return kind < ERR_COUNT ? kinds[kind].status : 500;
}

enum err_kind err_of_http_status(int status)
{
	enum err_kind kind = ERR_NONE;
	while (kind < ERR_COUNT && kinds[kind].status != status)
		kind++;
	return kind < ERR_COUNT ? kind : ERR_INTERNAL;
}

const char *err_kind_name(enum err_kind kind)
{
	return kind < ERR_COUNT ? kinds[kind].name : "internal";
}
