/* The trail as people read it: rows by whom, who, what and when, newest first, each page a stretch
 * of an index. */
#include "trail/list.h"

#include <inttypes.h>
#include <string.h>

#include "base/time.h"
#include "procedure/catalogue.h"

#define COLUMNS                                                                                    \
	"id, at_us, staff, token, address, kind, verb, person, application, department, subject, " \
	"procedure, fields, count, beyond, reason, detail"

enum { ARGS_MAX = 40 };

struct query {
	struct buf text;
	struct db_arg args[ARGS_MAX];
	int n;
};

static void add_i64(struct query *q, const char *before, int64_t v, const char *after)
{
	q->args[q->n++] = (struct db_arg){.type = 'i', .i = v};
	buf_printf(&q->text, "%s?%d%s", before, q->n, after);
}

static int add_text(struct query *q, const char *v)
{
	q->args[q->n++] = (struct db_arg){.type = 's', .s = str_from(v)};
	return q->n;
}

/* " AND (staff = ?1 OR staff = ?2)"; none of them: nothing is found. */
static void add_any(struct query *q, const char *column, const int64_t *ids, int n)
{
	buf_printf(&q->text, " AND (1 = 0");
	for (int i = 0; i < n; i++)
		add_i64(q, arena_printf(q->text.arena, " OR %s = ", column), ids[i], "");
	buf_putc(&q->text, ')');
}

static void add_words(struct query *q, const char *words)
{
	struct buf pattern;
	buf_init(&pattern, q->text.arena);
	buf_putc(&pattern, '%');
	for (const char *p = words; *p; p++) {
		if (strchr("%_!", *p))
			buf_putc(&pattern, '!');
		buf_putc(&pattern, *p);
	}
	buf_putc(&pattern, '%');
	int at = add_text(q, pattern.p);
	buf_printf(&q->text,
	    " AND (reason LIKE ?%d ESCAPE '!' OR detail LIKE ?%d ESCAPE '!' OR subject LIKE ?%d"
	    " ESCAPE '!' OR address LIKE ?%d ESCAPE '!')",
	    at, at, at, at);
}

static void compose(struct query *q, struct arena *a, const struct trail_filter *f)
{
	*q = (struct query){.n = 0};
	buf_init(&q->text, a);
	buf_puts(&q->text, "SELECT " COLUMNS " FROM trail WHERE 1 = 1");
	if (f->persons) {
		buf_puts(&q->text, " AND person > 0");
		add_any(q, "person", f->persons, f->npersons);
	}
	if (f->application)
		add_i64(q, " AND application > 0 AND application = ", f->application, "");
	if (f->staff)
		add_any(q, "staff", f->staff, f->nstaff);
	if (f->department)
		add_i64(q, " AND department = ", f->department, "");
	if (f->kind)
		buf_printf(&q->text, " AND kind = ?%d", add_text(q, f->kind));
	if (f->procedure)
		buf_printf(&q->text, " AND procedure = ?%d", add_text(q, f->procedure));
	if (f->beyond)
		buf_puts(&q->text, " AND beyond = 1");
	if (f->words)
		add_words(q, f->words);
	if (f->from_us)
		add_i64(q, " AND at_us >= ", f->from_us, "");
	if (f->before_us)
		add_i64(q, " AND at_us < ", f->before_us, "");
	if (f->at_us) {
		add_i64(q, " AND (at_us, id) < (", f->at_us, ", ");
		add_i64(q, "", f->id, ")");
	}
	buf_printf(&q->text, " ORDER BY at_us DESC, id DESC LIMIT %d", f->limit + 1);
}

bool trail_cursor(struct trail_filter *f, const char *text)
{
	struct str rest = str_from(text), at;
	return text && str_cut(&rest, '.', &at) && str_to_i64(at, 1, INT64_MAX, &f->at_us) &&
	       str_to_i64(rest, 0, INT64_MAX, &f->id);
}

int trail_read(struct db *db, struct arena *a, const struct trail_filter *f, struct trail_row **out,
    bool *more, struct err *err)
{
	struct query q;
	compose(&q, a, f);
	struct rows *r = db_query_args(db, err, q.text.p, q.args, q.n);
	int rc = r ? 0 : -(int)ERR_STORE, n = 0;
	struct trail_row *list = arena_array(a, (size_t)f->limit, sizeof(*list));
	*more = false;
	while (r && (rc = rows_next(r)) == 1) {
		if (n == f->limit) {
			*more = true;
			break;
		}
		list[n++] = (struct trail_row){
		    .id = rows_i64(r, 0),
		    .at_us = rows_i64(r, 1),
		    .staff = rows_i64(r, 2),
		    .token = rows_i64(r, 3) != 0,
		    .address = rows_dup(r, 4, a),
		    .kind = rows_dup(r, 5, a),
		    .verb = rows_dup(r, 6, a),
		    .person = rows_i64(r, 7),
		    .application = rows_i64(r, 8),
		    .department = rows_i64(r, 9),
		    .subject = rows_dup(r, 10, a),
		    .procedure = rows_dup(r, 11, a),
		    .fields = (unsigned)rows_i64(r, 12),
		    .count = rows_i64(r, 13),
		    .beyond = rows_i64(r, 14) != 0,
		    .reason = rows_dup(r, 15, a),
		    .detail = rows_dup(r, 16, a),
		};
	}
	rows_end(r);
	*out = list;
	return rc < 0 ? rc : n;
}

/* --- in words --- */

/* What several rows ask for is asked of the store once. */
static const char *kept(struct trail_words *w, const char *key)
{
	return json_string_value(json_object_get(w->known, key));
}

static const char *keep(struct trail_words *w, const char *key, const char *text)
{
	json_object_set_new(w->known, key, json_string(text ? text : ""));
	return kept(w, key);
}

void trail_words_begin(struct trail_words *w, struct request *rq, struct db *db)
{
	*w = (struct trail_words){.rq = rq, .db = db};
	w->known = json_on_arena(rq->arena, json_object());
}

static const char *place(struct trail_words *w, const struct trail_row *r, struct err *err)
{
	struct arena *a = w->rq->arena;
	const char *day = date_format(a, date_of_us(r->at_us)),
	           *key = arena_printf(a, "p%" PRId64 ".%s", r->staff, day), *text = kept(w, key);
	return text ? text : keep(w, key, staff_place_on(w->rq, w->db, r->staff, day, err));
}

static const char *name(struct trail_words *w, int64_t staff, struct err *err)
{
	const char *key = arena_printf(w->rq->arena, "s%" PRId64, staff), *text = kept(w, key);
	return text ? text : keep(w, key, staff_name(w->db, w->rq->arena, staff, err));
}

const char *trail_procedure_title(struct trail_words *w, const char *id)
{
	if (!id)
		return NULL;
	const char *key = arena_printf(w->rq->arena, "t%s", id), *text = kept(w, key);
	if (text)
		return text;
	struct procedure *p = procedure_find(w->rq->city, id);
	text = keep(w, key, p ? procedure_text(p, "title", w->rq->lang) : id);
	procedure_unref(p);
	return text;
}

static const char *number_of(struct trail_words *w, int64_t application, struct err *err)
{
	if (!application)
		return NULL;
	const char *key = arena_printf(w->rq->arena, "a%" PRId64, application),
	           *text = kept(w, key);
	char *found = NULL;
	if (!text &&
	    db_get_text(w->db, err, w->rq->arena, &found, SQL(NUMBER_OF), "i", application) < 0)
		return NULL;
	return text ? text : keep(w, key, found);
}

/* A 個人番号 was shown, and its verb says what for. */
#define NUMBER_VERB "my-number."
static bool is_number(const struct trail_row *r)
{
	return r->verb && strncmp(r->verb, NUMBER_VERB, strlen(NUMBER_VERB)) == 0;
}

/* The purpose: the procedure's work; without one that of the kind. */
static const char *purpose(struct trail_words *w, const struct trail_row *r)
{
	const char *title = trail_procedure_title(w, r->procedure);
	if (!title)
		return rq_tr(w->rq, arena_printf(w->rq->arena, "trail.purpose.%s", r->kind));
	json_t *args = json_pack("{s:s}", "title", title);
	const char *text = i18n_format(
	    w->rq->city->i18n, w->rq->arena, w->rq->lang, "trail.purpose.procedure", args);
	json_decref(args);
	if (!is_number(r))
		return text;
	return arena_printf(w->rq->arena, "%s%s%s", text, rq_tr(w->rq, "trail.colon"),
	    rq_tr(w->rq, arena_printf(w->rq->arena, "application.number.purpose.%s",
	                     r->verb + strlen(NUMBER_VERB))));
}

/* "application.accepted": as the history of the application says it. */
static const char *what(struct trail_words *w, const struct trail_row *r)
{
	struct arena *a = w->rq->arena;
	const char *dot = r->verb && !is_number(r) ? strrchr(r->verb, '.') : NULL;
	const char *text = dot ? i18n_find(w->rq->city->i18n, w->rq->lang,
	                             arena_printf(a, "application.history.%s", dot + 1))
	                       : NULL;
	/* A text with holes says more there than is known here. */
	return text && !strchr(text, '{') ? text
	                                  : rq_tr(w->rq, arena_printf(a, "trail.kind.%s", r->kind));
}

static const char *classes(struct trail_words *w, unsigned fields)
{
	static const char *const keys[] = {"trail.field.basic", "trail.field.personal",
	    "trail.field.sensitive", "trail.field.my_number"};
	struct buf b;
	buf_init(&b, w->rq->arena);
	for (size_t i = 0; i < COUNT(keys); i++)
		if (fields & 1u << i)
			buf_printf(&b, "%s%s", b.n ? rq_tr(w->rq, "trail.and") : "",
			    rq_tr(w->rq, keys[i]));
	return b.n ? b.p : "";
}

json_t *trail_view(
    struct trail_words *w, const struct trail_row *r, bool for_resident, struct err *err)
{
	struct request *rq = w->rq;
	bool show_name =
	    !for_resident || text_eq(city_setting(rq->city, "trail.names", NULL), "true");
	bool change = text_eq(r->kind, "change");
	json_t *v = json_pack("{s:I, s:I, s:s, s:s, s:s*, s:s, s:s, s:s, s:I, s:b, s:b}", "id",
	    (json_int_t)r->id, "at", (json_int_t)r->at_us, "kind", r->kind, "what", what(w, r),
	    "name", show_name ? name(w, r->staff, err) : NULL, "place", place(w, r, err), "purpose",
	    purpose(w, r), "fields", classes(w, r->fields), "count", (json_int_t)r->count,
	    "several", (int)(r->count > 1), "is_change", (int)change);
	const struct {
		const char *name, *value;
	} more[] = {
	    {"number", number_of(w, r->application, err)},
	    {"procedure", r->procedure},
	    {"procedure_title", trail_procedure_title(w, r->procedure)},
	    {"reason", r->reason},
	    {"detail", for_resident ? NULL : r->detail},
	    {"subject", for_resident ? NULL : r->subject},
	    {"verb", for_resident ? NULL : r->verb},
	    {"address", for_resident || !r->address[0] ? NULL : r->address},
	};
	for (size_t i = 0; i < COUNT(more); i++)
		if (more[i].value && more[i].value[0])
			json_object_set_new(v, more[i].name, json_string(more[i].value));
	if (r->application)
		json_object_set_new(v, "application", json_integer((json_int_t)r->application));
	if (for_resident)
		return v;
	json_object_set_new(v, "staff", json_integer((json_int_t)r->staff));
	json_object_set_new(v, "person", json_integer((json_int_t)r->person));
	json_object_set_new(v, "beyond", json_boolean(r->beyond));
	json_object_set_new(v, "token", json_boolean(r->token));
	if (r->department) {
		const char *key = arena_printf(rq->arena, "d%" PRId64, r->department),
		           *text = kept(w, key);
		json_object_set_new(v, "department",
		    json_string(text ? text
		                     : keep(w, key,
		                           department_name_in(
		                               w->db, rq->arena, r->department, rq->lang, err))));
	}
	return v;
}
