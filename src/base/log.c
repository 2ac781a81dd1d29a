#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "base/individual.h"
#include "base/str.h"

static enum log_level least = LOG_INFO_;

void log_level_set(enum log_level level)
{
	least = level;
}

static void write_line(enum log_level level, const char *event, struct str text)
{
	static const char *const names[] = {"debug", "info", "warn", "error"};
	struct timespec now;
	struct tm utc;
	(void)clock_gettime(CLOCK_REALTIME, &now); /* cannot fail with a valid clock */
	(void)gmtime_r(&now.tv_sec, &utc);
	char when[32];
	(void)strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%S", &utc);
	struct buf b = {0};
	if (isatty(STDERR_FILENO)) {
		buf_printf(&b, "%s %-5s %s ", when + 11, names[level], event);
		buf_str(&b, text);
	} else {
		buf_printf(&b,
		    "{\"time\":\"%s.%06ldZ\",\"level\":\"%s\",\"event\":\"%s\",\"text\":", when,
		    now.tv_nsec / 1000, names[level], event);
		buf_json(&b, text);
		buf_putc(&b, '}');
	}
	buf_putc(&b, '\n');
	(void)!write(STDERR_FILENO, b.p, b.n); /* there is nowhere left to report to */
	buf_free(&b);
}

void log_line(enum log_level level, const char *event, const char *fmt, ...)
{
	if (level < least)
		return;
	struct buf text = {0};
	va_list ap;
	va_start(ap, fmt);
	buf_vprintf(&text, fmt, ap);
	va_end(ap);
	individual_number_mask(text.p, text.n);
	write_line(level, event, buf_to_str(&text));
	buf_free(&text);
}

void log_err(const char *event, const struct err *err)
{
	log_line(err_http_status(err->kind) >= 500 ? LOG_ERROR_ : LOG_INFO_, event, "%s %s%s%s: %s",
	    err_kind_name(err->kind), err->msg ? err->msg : "", err->field[0] ? " field " : "",
	    err->field, err->detail);
}
