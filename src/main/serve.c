/* machi serve: the server in the foreground. */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "base/time.h"
#include "identity/identity.h"
#include "main/cli.h"
#include "main/fence.h"
#include "main/init.h"

static void set_log_level(const struct settings *s)
{
	static const char *const names[] = {"debug", "info", "warn", "error"};
	for (size_t i = 0; i < COUNT(names); i++)
		if (text_eq(settings_get(s, "log"), names[i]))
			log_level_set((enum log_level)i);
}

static void reload(struct web *web, struct city **cities, int n)
{
	struct err why = {0};
	if (web_reload(web, &why) < 0)
		log_error("web.reload", "%s; what was read before stays in use", why.detail);
	for (int i = 0; i < n; i++) {
		struct err err = {0};
		if (!cities[i]->store)
			log_error("city.reload", "%s: is not served; restart when it is mended",
			    cities[i]->id);
		else if (city_reload(cities[i], &err) < 0)
			log_error("city.reload", "%s: %s; what was read before stays in use",
			    cities[i]->id, err.detail);
		else
			log_info("city.reload", "%s", cities[i]->id);
	}
}

/* --- signals: blocked in every thread, taken one at a time --- */

static void signals_block(sigset_t *set)
{
	sigemptyset(set);
	sigaddset(set, SIGHUP);
	sigaddset(set, SIGINT);
	sigaddset(set, SIGTERM);
	sigaddset(set, SIGRTMIN); /* between our own threads */
	pthread_sigmask(SIG_BLOCK, set, NULL);
}

/* Answers signals until one asks to stop. */
static void wait_for_stop(struct web *web, struct city **cities, int n)
{
	sigset_t signals;
	signals_block(&signals); /* as they are */
	for (;;) {
		int sig = 0;
		if (sigwait(&signals, &sig) != 0)
			continue;
		if (sig == SIGHUP)
			reload(web, cities, n);
		else if (sig != SIGRTMIN)
			break;
	}
}

/* Takes the signals while the main thread starts or stops the server. What was acknowledged is on
 * disk and what was not is undone, as after a power failure: the process may end at any moment. */
struct watch {
	pthread_t thread;
	const char *during;
	int64_t limit_s; /* for the process to end by itself; 0: none */
	bool reload;     /* SIGHUP came */
};

/* As a command without such a thread ends by it. */
__attribute__((noreturn)) static void end_by(int sig)
{
	sigset_t one;
	sigemptyset(&one);
	sigaddset(&one, sig);
	(void)signal(sig, SIG_DFL);
	(void)raise(sig);
	pthread_sigmask(SIG_UNBLOCK, &one, NULL); /* here it ends */
	_exit(128 + sig);
}

static void *watch_main(void *arg)
{
	struct watch *w = arg;
	sigset_t set;
	signals_block(&set); /* as they are */
	int64_t until = monotonic_us() + w->limit_s * 1000000;
	for (;;) {
		int64_t left = until - monotonic_us();
		struct timespec wait = {.tv_sec = left > 0 ? left / 1000000 : 0};
		int sig = sigtimedwait(&set, NULL, w->limit_s ? &wait : NULL);
		if (sig < 0 && errno == EAGAIN) {
			log_error("serve.stop",
			    "did not end in %lld s and is ended; what was acknowledged is on disk",
			    (long long)w->limit_s);
			_exit(EXIT_FAILED);
		}
		if (sig == SIGRTMIN)
			return NULL;
		if (sig == SIGHUP)
			w->reload = true;
		else if (sig > 0) {
			log_warn("serve.stop", "ended by signal %d while %s", sig, w->during);
			end_by(sig);
		}
	}
}

static void watch_begin(struct watch *w, const char *during, int64_t limit_s)
{
	*w = (struct watch){.during = during, .limit_s = limit_s};
	if (pthread_create(&w->thread, NULL, watch_main, w) != 0)
		abort();
}

/* From here on the caller takes the signals. */
static void watch_end(struct watch *w)
{
	/* Not pthread_cancel(): a signal that was just taken would be lost. */
	(void)pthread_kill(w->thread, SIGRTMIN);
	pthread_join(w->thread, NULL);
	if (w->reload)
		(void)kill(getpid(), SIGHUP); /* it waits until the caller takes it */
}

/* --- --- */

static struct web_options options_of(const struct settings *s)
{
	return (struct web_options){
	    .address = settings_get(s, "listen"),
	    .port = (int)settings_i64(s, "port"),
	    .threads = (int)settings_i64(s, "threads"),
	    .tls_cert = settings_get(s, "tls.cert"),
	    .tls_key = settings_get(s, "tls.key"),
	    .trusted_proxy = settings_get(s, "trusted-proxy"),
	    .body_max = settings_i64(s, "body-max"),
	    .upload_max = settings_i64(s, "upload-max"),
	    .connection_max = (int)settings_i64(s, "connections"),
	    .timeout_s = (int)settings_i64(s, "timeout"),
	    .stop_s = (int)settings_i64(s, "stop-timeout") + 1,
	    .rate_percent = (int)settings_i64(s, "rate-limit"),
	    .no_page_cache = !settings_on(s, "page-cache"),
	    .card_port = (int)settings_i64(s, "card.port"),
	    .card_cert = settings_get(s, "card.cert"),
	    .card_key = settings_get(s, "card.key"),
	    .card_proxy = settings_get(s, "card.proxy"),
	    .card_proxy_header = settings_get(s, "card.proxy-header"),
	};
}

static int serve_cities(const struct settings *s, struct web_options *options, struct city **cities,
    int n, struct watch *watch, int64_t started_us, struct err *err)
{
	int threads = (int)settings_i64(s, "job-threads");
	for (int i = 0; i < n; i++) {
		int rc = cities[i]->store ? store_serve(cities[i]->store, err) : 0;
		if (rc < 0)
			return rc;
	}
	for (int i = 0; i < n; i++) {
		int rc =
		    cities[i]->store && threads > 0 ? city_start_jobs(cities[i], threads, err) : 0;
		if (rc < 0)
			return rc;
	}
	struct web *web;
	struct buf authorities = {0};
	for (int i = 0; i < n; i++)
		buf_str(&authorities, card_authorities(cities[i]));
	options->card_authorities = authorities.p;
	int rc = web_start(options, cities, n, &web, err);
	buf_free(&authorities); /* read by the listener */
	if (rc < 0)
		return rc;
	log_info("serve.ready", "%s:%d, %d %s, %lld ms", options->address, options->port, n,
	    n == 1 ? "city" : "cities", (long long)((now_us() - started_us) / 1000));
	watch_end(watch);
	wait_for_stop(web, cities, n);
	watch_begin(watch, "stopping", 2 * (int64_t)options->stop_s);
	log_info("serve.stop", "finishing requests in flight");
	web_stop(web);
	return 0;
}

int run_serve(int argc, char **argv)
{
	int64_t started_us = now_us();
	struct err err = {0};
	struct settings *s;
	bool demo = cli_flag(&argc, argv, "demo");
	int code = cli_settings("serve", &argc, argv, &s);
	if (code != EXIT_OK)
		return code;
	if (argc > 0) {
		settings_free(s);
		return cli_usage("serve", "unknown word", argv[0]);
	}
	sigset_t signals;
	signals_block(&signals);
	set_log_level(s);
	/* As root: a port below 1024, then never again. */
	struct web_options options = options_of(s);
	int rc = web_listen(&options, &err);
	if (rc == 0)
		rc = serve_become(s, &err);

	struct watch watch;
	watch_begin(&watch, "starting", 0);
	if (rc == 0 && demo)
		rc = init_demo_if_empty(s, &err);
	watch_end(&watch); /* no thread stays outside the fence */
	if (rc == 0)
		serve_fence(s);
	watch_begin(&watch, "starting", 0);

	struct city **cities = NULL;
	int n = 0;
	if (rc == 0)
		rc = cities_open_served(s, &cities, &n, &err);
	if (rc == 0)
		rc = serve_cities(s, &options, cities, n, &watch, started_us, &err);
	cities_close(cities, n);
	watch_end(&watch);
	settings_free(s);
	return rc < 0 ? cli_fail("serve", &err) : EXIT_OK;
}
