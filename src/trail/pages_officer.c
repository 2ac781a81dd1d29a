/* /staff/trail: the security officers' search. Who looks here is in the trail, too. */
#include <inttypes.h>
#include <string.h>

#include "base/time.h"
#include "trail/list.h"
#include "trail/pages.h"

enum { PAGE = 50, DAYS_OF_WORDS = 31 };

static const char *query(struct request *rq, const char *name)
{
	const char *s = rq_problem_at(rq, name) ? NULL : rq_query(rq, name);
	return s && s[0] ? s : NULL;
}

static int64_t day_start(const char *day, int plus)
{
	struct date d;
	return day && date_parse(str_from(day), &d) ? date_start_us(date_add_days(d, plus)) : 0;
}

/* Whom: a number of an application, else a resident by name or mail address. */
static int take_whom(
    struct request *rq, struct db *db, struct trail_filter *f, const char *typed, struct err *err)
{
	int64_t *persons;
	int rc = db_get_i64(db, err, &f->application, SQL(BY_NUMBER), "t", typed);
	if (rc != 0)
		return rc < 0 ? rc : 0;
	f->npersons = people_find(db, rq->arena, typed, &persons, err);
	f->persons = persons;
	return f->npersons < 0 ? f->npersons : 0;
}

static int take_filter(struct request *rq, struct db *db, struct trail_filter *f, struct err *err)
{
	const char *who = query(rq, "who"), *whom = query(rq, "whom"), *kind = query(rq, "kind");
	int64_t *staff, id;
	int rc = 0;
	*f = (struct trail_filter){
	    .kind = trail_kind_parse(kind) < TRAIL_KIND_COUNT ? kind : NULL,
	    .procedure = query(rq, "procedure"),
	    .words = query(rq, "q"),
	    .beyond = query(rq, "beyond") != NULL,
	    .from_us = day_start(query(rq, "from"), 0),
	    .before_us = day_start(query(rq, "until"), 1),
	    .limit = PAGE,
	};
	if (str_to_i64(str_from(query(rq, "department")), 1, INT64_MAX, &id))
		f->department = id;
	if (who) {
		rc = f->nstaff = staff_find(db, rq->arena, who, &staff, err);
		f->staff = staff;
	}
	if (rc >= 0 && whom)
		rc = take_whom(rq, db, f, whom, err);
	/* Words alone are looked for in the newest month: there is no index of them. */
	if (f->words && !who && !whom && !f->from_us)
		f->from_us = rq->now_us - DAYS_OF_WORDS * INT64_C(86400000000);
	(void)trail_cursor(f, query(rq, "after")); /* else from the newest */
	return rc < 0 ? rc : 0;
}

/* Who looks at the trail, and for what they asked. */
static int note(struct request *rq, enum trail_kind kind, int n, struct err *err)
{
	const char *asked = strchr(rq->url, '?');
	return reading_note(rq,
	    &(struct reading){.kind = kind, .subject = "trail", .count = n, .detail = asked}, err);
}

static json_t *text_field(struct request *rq, const char *name)
{
	const char *value = query(rq, name);
	return json_pack("{s:s, s:s, s:s, s:s, s:b}", "id", name, "name", name, "label",
	    rq_tr(rq, arena_printf(rq->arena, "trail.filter.%s", name)), "value",
	    value ? value : "", "is_text", 1);
}

static json_t *day_field(struct request *rq, const char *name)
{
	json_t *field = json_pack("{s:s, s:s, s:s, s:s*}", "id", name, "name", name, "label",
	    rq_tr(rq, arena_printf(rq->arena, "trail.filter.%s", name)), "problem",
	    rq_problem_at(rq, name));
	rq_date_field(rq, field, query(rq, name));
	return field;
}

static json_t *kind_options(struct request *rq)
{
	json_t *out = json_array();
	for (enum trail_kind k = 0; k < TRAIL_KIND_COUNT; k++)
		json_array_append_new(out,
		    json_pack("{s:s, s:s, s:b}", "value", trail_kind_name(k), "label",
		        rq_tr(rq, arena_printf(rq->arena, "trail.kind.%s", trail_kind_name(k))),
		        "selected", (int)text_eq(query(rq, "kind"), trail_kind_name(k))));
	return out;
}

static int department_options(struct request *rq, struct db *db, json_t **out, struct err *err)
{
	struct department *all;
	int n = department_tree(db, rq->arena, NULL, &all, err);
	*out = json_array();
	for (int i = 0; i < n; i++) {
		const char *id = arena_printf(rq->arena, "%" PRId64, all[i].id);
		json_array_append_new(*out,
		    json_pack("{s:s, s:s, s:b}", "value", id, "label",
		        text_eq(rq->lang, "en") && all[i].name_en[0] ? all[i].name_en : all[i].name,
		        "selected", (int)text_eq(query(rq, "department"), id)));
	}
	return n < 0 ? n : 0;
}

/* The page's own query without paging; "" or "a=b&". */
static const char *kept_query(struct request *rq)
{
	static const char *const names[] = {
	    "q", "who", "whom", "kind", "department", "procedure", "from", "until", "beyond"};
	struct buf b;
	buf_init(&b, rq->arena);
	for (size_t i = 0; i < COUNT(names); i++) {
		const char *v = query(rq, names[i]);
		if (!v)
			continue;
		buf_printf(&b, "%s=", names[i]);
		buf_url(&b, str_from(v));
		buf_putc(&b, '&');
	}
	return b.n ? b.p : "";
}

static int put_form(struct request *rq, struct db *db, struct err *err)
{
	json_t *departments;
	int rc = department_options(rq, db, &departments, err);
	json_object_set_new(rq->view, "departments", departments);
	json_object_set_new(rq->view, "kinds", kind_options(rq));
	json_object_set_new(rq->view, "fields",
	    json_pack("[o, o, o, o, o]", text_field(rq, "who"), text_field(rq, "whom"),
	        text_field(rq, "q"), day_field(rq, "from"), day_field(rq, "until")));
	json_object_set_new(rq->view, "beyond", json_boolean(query(rq, "beyond") != NULL));
	json_object_set_new(rq->view, "csv",
	    json_sprintf(
	        "%s/staff/trail.csv?%s", text_eq(rq->lang, "en") ? "/en" : "", kept_query(rq)));
	json_object_set_new(rq->view, "title", json_string(rq_tr(rq, "trail.title")));
	return rc;
}

static int search(struct request *rq, struct err *err)
{
	struct trail_filter f;
	struct trail_row *rows;
	struct trail_words words;
	bool more = false;
	trail_settle(rq->city);
	struct db *db = rq_db(rq, err);
	int n = db ? take_filter(rq, db, &f, err) : -(int)ERR_STORE;
	if (n < 0 || (n = trail_read(db, rq->arena, &f, &rows, &more, err)) < 0)
		return n;
	int rc = n ? note(rq, TRAIL_SEARCH, n, err) : 0;
	if (rc < 0)
		return rc;
	json_t *list = json_array();
	trail_words_begin(&words, rq, db);
	for (int i = 0; i < n; i++)
		json_array_append_new(list, trail_view(&words, &rows[i], false, err));
	json_object_set_new(rq->view, "readings", list);
	json_object_set_new(rq->view, "none", json_boolean(n == 0));
	if (more)
		json_object_set_new(rq->view, "next",
		    json_sprintf("%s/staff/trail?%safter=%lld.%lld",
		        text_eq(rq->lang, "en") ? "/en" : "", kept_query(rq),
		        (long long)rows[n - 1].at_us, (long long)rows[n - 1].id));
	return put_form(rq, db, err);
}

int trail_search(struct request *rq, struct err *err)
{
	(void)err;
	return rq_defer(rq, search);
}

static int file(struct request *rq, struct err *err)
{
	struct trail_filter f;
	trail_settle(rq->city);
	struct db *db = rq_db(rq, err);
	int rc = db ? take_filter(rq, db, &f, err) : -(int)ERR_STORE;
	if (rc == 0)
		rc = note(rq, TRAIL_EXPORT, 0, err);
	return rc < 0 ? rc : trail_csv(rq, &f, false, err);
}

int trail_search_csv(struct request *rq, struct err *err)
{
	(void)err;
	return rq_defer(rq, file);
}
