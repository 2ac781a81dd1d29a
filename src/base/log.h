/* Structured log lines on standard error: one JSON object a line, or plain text on a terminal. */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include "base/err.h"

enum log_level { LOG_DEBUG_, LOG_INFO_, LOG_WARN_, LOG_ERROR_ };

/* Sets the least level that is written. Call before threads start. */
void log_level_set(enum log_level);

/* Writes one line: time, level, event (a fixed word such as "http.request"), and the message.
 * Never put personal data, passwords or bodies in it. Thread-safe. */
void log_line(enum log_level, const char *event, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

#define log_debug(event, ...) log_line(LOG_DEBUG_, event, __VA_ARGS__)
#define log_info(event, ...) log_line(LOG_INFO_, event, __VA_ARGS__)
#define log_warn(event, ...) log_line(LOG_WARN_, event, __VA_ARGS__)
#define log_error(event, ...) log_line(LOG_ERROR_, event, __VA_ARGS__)

/* Logs an error with kind, message key and detail. */
void log_err(const char *event, const struct err *);

#endif
