#include "base/progress.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/str.h"
#include "base/time.h"

struct progress {
	pthread_mutex_t lock; /* everything below */
	char *what;
	int64_t done, total;
	int64_t began_ms, shown_ms; /* shown_ms 0: nothing was shown yet */
	bool terminal;
};

enum { FIRST_MS = 1000, TERMINAL_MS = 100, LOG_MS = 10000, BAR_MAX = 30 };

struct progress *progress_new(const char *what)
{
	struct progress *p = calloc(1, sizeof(*p));
	char *copy = strdup(what);
	if (!p || !copy)
		abort();
	(void)pthread_mutex_init(&p->lock, NULL); /* cannot fail with default attributes */
	p->what = copy;
	p->began_ms = monotonic_us() / 1000;
	p->terminal = isatty(STDERR_FILENO) == 1;
	return p;
}

/* 1234567 as "1,234,567". */
static void put_grouped(struct buf *b, int64_t v)
{
	char digits[32];
	int n = snprintf(digits, sizeof(digits), "%lld", (long long)v);
	for (int i = 0; i < n; i++) {
		if (i && (n - i) % 3 == 0 && digits[i - 1] != '-')
			buf_putc(b, ',');
		buf_putc(b, digits[i]);
	}
}

static int terminal_width(void)
{
	struct winsize w;
	return ioctl(STDERR_FILENO, TIOCGWINSZ, &w) == 0 && w.ws_col ? w.ws_col : 80;
}

static void put_time(struct buf *b, int64_t ms)
{
	int64_t s = (ms + 999) / 1000;
	if (s >= 3600)
		buf_printf(
		    b, "%lld:%02d:%02d", (long long)(s / 3600), (int)(s / 60 % 60), (int)(s % 60));
	else
		buf_printf(b, "%d:%02d", (int)(s / 60), (int)(s % 60));
}

/* Under the lock. */
static void show(struct progress *p, int64_t now_ms, bool end)
{
	struct buf b = {0};
	int64_t spent_ms = now_ms - p->began_ms;
	if (p->terminal)
		buf_putc(&b, '\r');
	buf_printf(&b, "%s ", p->what);
	if (p->total > 0) {
		double part = (double)p->done / (double)p->total;
		part = part < 0 ? 0 : part > 1 ? 1 : part;
		if (p->terminal) {
			int width = terminal_width() - 50 - (int)utf8_length(str_from(p->what));
			width = width > BAR_MAX ? BAR_MAX : width;
			if (width >= 5) {
				buf_putc(&b, '[');
				for (int i = 0; i < width; i++)
					buf_putc(&b, i < (int)(part * width) ? '#' : '.');
				buf_puts(&b, "] ");
			}
		}
		buf_printf(&b, "%3d %% ", (int)(part * 100));
		put_grouped(&b, p->done);
		buf_puts(&b, " of ");
		put_grouped(&b, p->total);
		if (!end && part > 0.01) {
			buf_puts(&b, ", ");
			put_time(&b, (int64_t)((double)spent_ms / part) - spent_ms);
			buf_puts(&b, " left");
		}
	} else {
		put_grouped(&b, p->done);
	}
	if (end) {
		buf_puts(&b, ", took ");
		put_time(&b, spent_ms);
	}
	if (p->terminal)
		buf_puts(&b, "\033[K"); /* what a longer line left behind */
	if (end || !p->terminal)
		buf_putc(&b, '\n');
	(void)!write(STDERR_FILENO, b.p, b.n); /* there is nowhere left to report to */
	buf_free(&b);
	p->shown_ms = now_ms;
}

void progress_set(struct progress *p, int64_t done, int64_t total)
{
	(void)pthread_mutex_lock(&p->lock);
	p->done = done;
	p->total = total;
	int64_t now_ms = monotonic_us() / 1000;
	int64_t wait_ms = p->shown_ms == 0 ? FIRST_MS : p->terminal ? TERMINAL_MS : LOG_MS;
	if (now_ms - (p->shown_ms ? p->shown_ms : p->began_ms) >= wait_ms)
		show(p, now_ms, false);
	(void)pthread_mutex_unlock(&p->lock);
}

void progress_free(struct progress *p)
{
	if (!p)
		return;
	if (p->shown_ms)
		show(p, monotonic_us() / 1000, true);
	(void)pthread_mutex_destroy(&p->lock);
	free(p->what);
	free(p);
}
