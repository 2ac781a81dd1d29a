/* /healthz for supervisors and load balancers, /metrics for Prometheus. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "web/private.h"

/* Counts a city's jobs up to `most`; fails when its store does not answer. */
static int ask(const struct city *c, const char *state, int64_t most, int64_t *n, struct err *err)
{
	if (!c->store)
		return err_set(err, ERR_BUSY, "web.city_unserved",
		    "it is not served; the log of the start says why");
	struct db *db = store_reader(c->store, err);
	return db ? jobs_count(db, state, most, n, err) : -(int)err->kind;
}

int health_show(struct request *rq, struct err *err)
{
	/* Able to serve is: every city's store answers. Who does not is named. */
	json_t *cities = json_object();
	json_object_set_new(rq->view, "cities", cities);
	int ill = 0;
	for (int i = 0; i < rq->p->web->ncities; i++) {
		const struct city *c = rq->p->web->cities[i].city;
		struct err why = {0};
		int64_t n;
		bool ok = ask(c, "dead", 1, &n, &why) == 0;
		if (!ok)
			log_error("healthz", "city %s: %s", c->id, why.detail);
		json_object_set_new(cities, c->id, json_string(ok ? "ok" : "unavailable"));
		ill += !ok;
	}
	json_object_set_new(rq->view, "status", json_string(ill ? "unavailable" : "ok"));
	if (ill) {
		rq->status = 503;
		rq_set_header(rq, "Retry-After", "5");
	}
	rq_set_header(rq, "Cache-Control", "no-store");
	(void)err;
	return 0;
}

static void help(struct buf *out, const char *name, const char *type, const char *text)
{
	buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", name, text, name, type);
}

static uint64_t sum(const struct web *w, size_t offset)
{
	uint64_t total = 0;
	for (const struct net *n = w->nets; n; n = n->next) {
		const _Atomic uint64_t *at = (const void *)((const char *)&n->counters + offset);
		total += atomic_load_explicit(at, memory_order_relaxed);
	}
	return total;
}

#define SUM(w, member) sum((w), offsetof(struct counters, member))

static void put_requests(struct buf *out, const struct web *w)
{
	help(out, "machi_http_requests_total", "counter", "Requests answered, by status.");
	for (size_t status = 100; status < 600; status++) {
		uint64_t n = sum(w, offsetof(struct counters, status) + status * sizeof(uint64_t));
		if (n)
			buf_printf(out, "machi_http_requests_total{status=\"%zu\"} %llu\n", status,
			    (unsigned long long)n);
	}
	help(out, "machi_http_cached_total", "counter", "Requests answered from the cache.");
	buf_printf(out, "machi_http_cached_total %llu\n", (unsigned long long)SUM(w, cached));
	help(out, "machi_http_requests_in_flight", "gauge", "Requests begun and not ended.");
	uint64_t completed = SUM(w, completed), started = SUM(w, started);
	buf_printf(out, "machi_http_requests_in_flight %llu\n",
	    (unsigned long long)(started > completed ? started - completed : 0));
	help(out, "machi_http_connections", "gauge", "Open connections.");
	buf_printf(out, "machi_http_connections %d\n", w->nconnections);
}

static void put_latency(struct buf *out, const struct web *w)
{
	help(out, "machi_http_request_duration_seconds", "histogram",
	    "From the request line to the last byte of the answer.");
	uint64_t below = 0;
	for (size_t i = 0; i <= LATENCY_BUCKETS; i++) {
		below += sum(w, offsetof(struct counters, latency) + i * sizeof(uint64_t));
		buf_puts(out, "machi_http_request_duration_seconds_bucket{le=\"");
		if (i < LATENCY_BUCKETS)
			buf_printf(out, "%g", (double)latency_bounds_us[i] / 1e6);
		else
			buf_puts(out, "+Inf");
		buf_printf(out, "\"} %llu\n", (unsigned long long)below);
	}
	buf_printf(out, "machi_http_request_duration_seconds_sum %.6f\n",
	    (double)SUM(w, latency_us) / 1e6);
	buf_printf(
	    out, "machi_http_request_duration_seconds_count %llu\n", (unsigned long long)below);
}

/* The names of the standard collectors, so that their dashboards work. */
static void put_memory(struct buf *out)
{
	char text[128] = "";
	FILE *f = fopen("/proc/self/statm", "re");
	if (f) {
		size_t n = fread(text, 1, sizeof(text) - 1, f);
		text[n] = '\0';
		(void)fclose(f); /* only read from */
	}
	struct str rest = str_from(text), part;
	int64_t pages;
	(void)str_cut(
	    &rest, ' ', &part); /* the first is the address space, the second what is in memory */
	if (!str_cut(&rest, ' ', &part) || !str_to_i64(part, 0, INT64_MAX, &pages))
		return;
	help(out, "process_resident_memory_bytes", "gauge", "Memory in use.");
	buf_printf(out, "process_resident_memory_bytes %lld\n",
	    (long long)(pages * sysconf(_SC_PAGESIZE)));
}

/* A city whose store does not answer is down, and only its own numbers are missing. */
static void put_cities(struct buf *out, const struct web *w)
{
	static const char *const states[] = {"waiting", "running", "dead"};
	struct buf jobs = {0};
	help(out, "machi_city_up", "gauge", "Does the city's store answer?");
	for (int i = 0; i < w->ncities; i++) {
		const struct city *c = w->cities[i].city;
		bool up = true;
		for (size_t s = 0; s < COUNT(states) && up; s++) {
			int64_t n = 0;
			struct err why = {0};
			up = ask(c, states[s], INT64_MAX, &n, &why) == 0;
			if (up)
				buf_printf(&jobs, "machi_jobs{city=\"%s\",state=\"%s\"} %lld\n",
				    c->id, states[s], (long long)n);
		}
		buf_printf(out, "machi_city_up{city=\"%s\"} %d\n", c->id, up);
	}
	help(out, "machi_jobs", "gauge", "Jobs by city and state.");
	buf_str(out, buf_to_str(&jobs));
	buf_free(&jobs);
	help(out, "machi_store_statements_total", "counter",
	    "Statements asked of the store, by city.");
	for (int i = 0; i < w->ncities; i++)
		if (w->cities[i].city->store)
			buf_printf(out, "machi_store_statements_total{city=\"%s\"} %llu\n",
			    w->cities[i].city->id,
			    (unsigned long long)store_statements(w->cities[i].city->store));
}

int metrics_show(struct request *rq, struct err *err)
{
	struct web *w = rq->p->web;
	struct buf out;
	buf_init(&out, rq->arena);
	pthread_mutex_lock(&w->lock); /* the lists of threads and connections stand still */
	put_requests(&out, w);
	put_latency(&out, w);
	pthread_mutex_unlock(&w->lock);
	help(&out, "machi_writes_total", "counter", "Writes of requests, by outcome.");
	buf_printf(&out, "machi_writes_total{outcome=\"done\"} %llu\n",
	    (unsigned long long)atomic_load(&w->writes));
	buf_printf(&out, "machi_writes_total{outcome=\"failed\"} %llu\n",
	    (unsigned long long)atomic_load(&w->writes_failed));
	help(&out, "machi_start_time_seconds", "gauge", "When the server started.");
	buf_printf(&out, "machi_start_time_seconds %lld\n", (long long)(w->started_us / 1000000));
	put_memory(&out);
	put_cities(&out, w);
	(void)err; /* a store that does not answer is a number, too */
	rq_set_header(rq, "Cache-Control", "no-store");
	return rq_send(rq, "text/plain; version=0.0.4; charset=utf-8", buf_to_str(&out), NULL);
}
