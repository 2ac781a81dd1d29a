/* machi serve: the server in the foreground. */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/log.h"
#include "base/time.h"
#include "main/cli.h"
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

/* Answers signals until one asks to stop. They are blocked in every thread and taken here. */
static void wait_for_stop(sigset_t *signals, struct web *web, struct city **cities, int n)
{
	for (;;) {
		int sig = 0;
		if (sigwait(signals, &sig) != 0)
			continue;
		if (sig == SIGHUP)
			reload(web, cities, n);
		else
			break;
	}
}

static int serve_cities(const struct settings *s, struct city **cities, int n, sigset_t *signals,
    int64_t started_us, struct err *err)
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
	struct web_options options = {
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
	    .rate_percent = (int)settings_i64(s, "rate-limit"),
	    .no_page_cache = !settings_on(s, "page-cache"),
	};
	struct web *web;
	int rc = web_start(&options, cities, n, &web, err);
	if (rc < 0)
		return rc;
	log_info("serve.ready", "%s:%d, %d %s, %lld ms", options.address, options.port, n,
	    n == 1 ? "city" : "cities", (long long)((now_us() - started_us) / 1000));
	wait_for_stop(signals, web, cities, n);
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
	sigemptyset(&signals);
	sigaddset(&signals, SIGHUP);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGTERM);
	pthread_sigmask(SIG_BLOCK, &signals, NULL);

	struct city **cities = NULL;
	int n = 0;
	set_log_level(s);
	int rc = demo ? init_demo_if_empty(s, &err) : 0;
	if (rc == 0)
		rc = cities_open_served(s, &cities, &n, &err);
	if (rc == 0)
		rc = serve_cities(s, cities, n, &signals, started_us, &err);
	cities_close(cities, n);
	settings_free(s);
	return rc < 0 ? cli_fail("serve", &err) : EXIT_OK;
}
