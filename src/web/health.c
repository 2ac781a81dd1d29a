/* /healthz for supervisors and load balancers, /metrics for Prometheus. */
#include <string.h>

#include "web/private.h"

int health_show(struct request *rq, struct err *err)
{
	/* Able to serve is: every city's store answers. */
	for (int i = 0; i < rq->p->web->ncities; i++) {
		const struct city *c = rq->p->web->cities[i].city;
		struct db *db = store_reader(c->store, err);
		int64_t n;
		int rc = db ? jobs_count(db, "dead", 1, &n, err) : -(int)err->kind;
		if (rc < 0) {
			err->kind = ERR_BUSY;
			return err_prefix(err, "city %s: ", c->id);
		}
	}
	json_object_set_new(rq->view, "status", json_string("ok"));
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

static void put_statements(struct buf *out, const struct web *w)
{
	help(out, "machi_store_statements_total", "counter", "Statements asked of the store, by city.");
	for (int i = 0; i < w->ncities; i++)
		buf_printf(out, "machi_store_statements_total{city=\"%s\"} %llu\n",
		    w->cities[i].city->id,
		    (unsigned long long)store_statements(w->cities[i].city->store));
}

static int put_jobs(struct buf *out, const struct web *w, struct err *err)
{
	static const char *const states[] = {"waiting", "running", "dead"};
	help(out, "machi_jobs", "gauge", "Jobs by city and state.");
	for (int i = 0; i < w->ncities; i++) {
		const struct city *c = w->cities[i].city;
		struct db *db = store_reader(c->store, err);
		if (!db)
			return -(int)err->kind;
		for (size_t s = 0; s < COUNT(states); s++) {
			int64_t n = 0;
			int rc = jobs_count(db, states[s], INT64_MAX, &n, err);
			if (rc < 0)
				return rc;
			buf_printf(out, "machi_jobs{city=\"%s\",state=\"%s\"} %lld\n", c->id,
			    states[s], (long long)n);
		}
	}
	return 0;
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
	put_statements(&out, w);
	int rc = put_jobs(&out, w, err);
	if (rc < 0)
		return rc;
	rq_set_header(rq, "Cache-Control", "no-store");
	return rq_send(rq, "text/plain; version=0.0.4; charset=utf-8", buf_to_str(&out), NULL);
}
