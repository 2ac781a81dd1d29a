/* /my/readings: who read or changed what of mine. */
#include "base/time.h"
#include "trail/list.h"
#include "trail/pages.h"

enum { PAGE = 30, PRINTED = 1000 };

static void own_filter(struct request *rq, struct trail_filter *f)
{
	*f = (struct trail_filter){.persons = &rq->actor.person, .npersons = 1, .limit = PAGE};
}

static int readings(struct request *rq, struct err *err)
{
	struct trail_filter f;
	struct trail_row *rows;
	struct trail_words words;
	bool more = false, print = rq_query(rq, "print") != NULL;
	trail_settle(rq->city);
	struct db *db = rq_db(rq, err);
	own_filter(rq, &f);
	if (print)
		f.limit = PRINTED;
	else
		(void)trail_cursor(&f, rq_query(rq, "after")); /* else from the newest */
	int n = db ? trail_read(db, rq->arena, &f, &rows, &more, err) : -(int)ERR_STORE;
	if (n < 0)
		return n;
	json_t *list = json_array();
	trail_words_begin(&words, rq, db);
	for (int i = 0; i < n; i++)
		json_array_append_new(list, trail_view(&words, &rows[i], true, err));
	json_object_set_new(rq->view, "readings", list);
	json_object_set_new(rq->view, "none", json_boolean(n == 0));
	json_object_set_new(rq->view, "printed", json_boolean(print));
	if (more)
		json_object_set_new(rq->view, "next",
		    json_sprintf("%s/my/readings?after=%lld.%lld",
		        text_eq(rq->lang, "en") ? "/en" : "", (long long)rows[n - 1].at_us,
		        (long long)rows[n - 1].id));
	int rc = questions_view(rq, db, err);
	if (rc < 0)
		return rc;
	json_object_set_new(rq->view, "title", json_string(rq_tr(rq, "trail.my.title")));
	if (print)
		rq->template = "trail/my-print";
	return 0;
}

/* What was noted a moment ago is there, too: that waits for the disk. */
int my_readings(struct request *rq, struct err *err)
{
	(void)err;
	return rq_defer(rq, readings);
}

static int file(struct request *rq, struct err *err)
{
	struct trail_filter f;
	trail_settle(rq->city);
	own_filter(rq, &f);
	return trail_csv(rq, &f, true, err);
}

int my_readings_csv(struct request *rq, struct err *err)
{
	(void)err;
	return rq_defer(rq, file);
}
