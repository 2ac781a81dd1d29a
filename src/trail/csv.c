/* The trail as a file. */
#include "base/csv.h"
#include "base/time.h"
#include "trail/list.h"

struct column {
	const char *name, *key;
	bool resident;
};
static const struct column columns[] = {
    {"at", "trail.col.at", true},
    {"place", "trail.col.place", true},
    {"name", "trail.col.name", true},
    {"what", "trail.col.what", true},
    {"count", "trail.col.count", true},
    {"purpose", "trail.col.purpose", true},
    {"reason", "trail.col.reason", true},
    {"number", "trail.col.number", true},
    {"fields", "trail.col.fields", true},
    {"person", "trail.col.person", false},
    {"department", "trail.col.department", false},
    {"beyond", "trail.col.beyond", false},
    {"detail", "trail.col.detail", false},
    {"subject", "trail.col.subject", false},
    {"address", "trail.col.address", false},
};

static const char *cell(struct request *rq, const char *name, const json_t *v)
{
	if (text_eq(name, "at"))
		return instant_text(rq->arena, json_integer_value(v), rq->lang);
	if (json_is_boolean(v))
		return rq_tr(rq, json_is_true(v) ? "identity.yes" : "identity.no");
	if (json_is_integer(v))
		return arena_printf(rq->arena, "%lld", (long long)json_integer_value(v));
	return json_is_string(v) ? json_string_value(v) : "";
}

int trail_csv(struct request *rq, struct trail_filter *f, bool for_resident, struct err *err)
{
	struct db *db = rq_db(rq, err);
	struct trail_row *rows;
	struct trail_words words;
	struct buf out;
	bool more;
	f->limit = TRAIL_CSV_MAX;
	int n = db ? trail_read(db, rq->arena, f, &rows, &more, err) : -(int)ERR_STORE;
	if (n < 0)
		return n;
	buf_init(&out, rq->arena);
	trail_words_begin(&words, rq, db);
	csv_begin(&out);
	for (size_t c = 0, put = 0; c < COUNT(columns); c++)
		if (!for_resident || columns[c].resident)
			csv_put(&out, put++ == 0, str_from(rq_tr(rq, columns[c].key)));
	csv_end(&out);
	for (int i = 0; i < n; i++) {
		json_t *v = trail_view(&words, &rows[i], for_resident, err);
		for (size_t c = 0, put = 0; c < COUNT(columns); c++)
			if (!for_resident || columns[c].resident)
				csv_put_text(&out, put++ == 0,
				    str_from(cell(
				        rq, columns[c].name, json_object_get(v, columns[c].name))));
		csv_end(&out);
		json_decref(v);
	}
	return rq_send(rq, "text/csv; charset=utf-8", buf_to_str(&out), "trail.csv");
}
