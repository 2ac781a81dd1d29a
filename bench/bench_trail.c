/* What a note in the trail costs the process, the writing thread and the journal's entry included:
 * processor time for each, in batches as a second of work makes them.
 *
 *   bench_trail DIR      an empty folder for a SQLite store; "<notes in a batch> <µs each>" per
 * line */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/time.h"
#include "trail/private.h"

static double cpu_us(void)
{
	struct timespec t;
	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static double measure(struct city *city, struct arena *a, int batch)
{
	enum { NOTES = 5000 };
	struct request rq = {.city = city,
	    .arena = a,
	    .address = "192.0.2.7",
	    .actor = {.kind = ACTOR_STAFF, .person = 3, .id = "staff:3"}};
	struct err err;
	double from = cpu_us();
	int notes = batch == 1 ? NOTES / 10 : NOTES;
	for (int i = 1; i <= notes; i++) {
		rq.now_us = now_us();
		if (reading_note(&rq,
		        &(struct reading){.kind = TRAIL_READ,
		            .person = i % 1000,
		            .application = i,
		            .department = 7,
		            .procedure = "dog-registration"},
		        &err) < 0)
			exit(1);
		if (i % batch == 0)
			trail_settle(city);
	}
	trail_settle(city);
	return (cpu_us() - from) / notes;
}

int main(int argc, char **argv)
{
	static const char *const modules_of[] = {"web", "identity", "procedure", "trail"};
	struct arena *a = arena_new();
	struct city city = {.id = "bench"};
	struct err err;
	if (argc != 2)
		return 2;
	struct store_options o = {
	    .url = arena_printf(a, "sqlite:%s/store.db", argv[1]), .dir = argv[1]};
	if (store_open(&o, &city.store, &err) < 0 ||
	    store_migrate(city.store, modules_of, COUNT(modules_of), NULL, NULL, &err) < 0 ||
	    trail_open(&city, &err) < 0) {
		(void)fprintf(stderr, "%s\n", err.detail);
		return 1;
	}
	static const int batches[] = {1, 35, 500};
	for (size_t i = 0; i < COUNT(batches); i++)
		printf("%d %.1f\n", batches[i], measure(&city, a, batches[i]));
	trail_close(&city);
	store_close(city.store);
	arena_free(a);
	return 0;
}
