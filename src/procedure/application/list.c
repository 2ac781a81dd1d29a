/* Lists: the inbox, search, a resident's own, export, counts, statistics. Every list reads an index
 * in its order from where the page before ended, and looks at a bounded number of rows. */
#include "procedure/application/life.h"

#include "identity/identity.h"
#include "procedure/protect/sight.h"
#include "store/search.h"

enum {
	LIMIT_DEFAULT = 50,
	LIMIT_MAX = 200,
	SCAN_MAX = 4000, /* rows looked at for one page */
	SEARCH_SCAN_MAX = 600,
	MERGE_MAX = 8,        /* departments that are merged rather than filtered */
	EXPORT_WINDOW = 2000, /* ids looked at in one statement */
	TAKE_MAX = 50,
	ARGS_MAX = 64
};

/* --- whose departments --- */

int reach_of(struct db *db, struct arena *a, const struct app_actor *actor, const char *perm,
    struct reach *out, struct err *err)
{
	struct department *tree;
	if (!actor->staff || !scope_allows(actor->scopes, perm))
		return err_set(
		    err, ERR_DENIED, "application.denied", "%s has no %s", actor->id, perm);
	out->n = staff_departments(db, a, actor->person, perm, &out->departments, err);
	if (out->n < 0)
		return out->n;
	char *today = date_format(a, date_of_us(now_us()));
	int all = department_tree(db, a, today, &tree, err);
	out->all = all > 0 && out->n >= all;
	out->db = db;
	out->staff = actor->person;
	out->perm = perm;
	out->narrow = !staff_may_all_procedures(db, actor->person, perm);
	if (all >= 0)
		out->nhidden = sight_hidden(db, a, actor->person, &out->hidden, err);
	return all < 0 ? all : out->nhidden < 0 ? out->nhidden : 0;
}

bool reach_hides(const struct reach *s, int64_t id)
{
	int low = 0, high = s->nhidden;
	while (low < high) {
		int middle = (low + high) / 2;
		if (s->hidden[middle].id < id)
			low = middle + 1;
		else
			high = middle;
	}
	return low < s->nhidden && s->hidden[low].id == id;
}

bool reach_has(const struct reach *s, int64_t department)
{
	for (int i = 0; i < s->n && !s->all; i++)
		if (s->departments[i] == department)
			return true;
	return s->all;
}

bool reach_takes(const struct reach *s, int64_t department, const char *procedure)
{
	return !s->narrow || staff_may_in(s->db, s->staff, s->perm, department, procedure);
}

/* --- a list's text, composed from known names only --- */

struct list_sql {
	struct buf text;
	struct db_arg args[ARGS_MAX];
	int n;
};

static void add_i64(struct list_sql *q, const char *before, int64_t v, const char *after)
{
	q->args[q->n++] = (struct db_arg){.type = 'i', .i = v};
	buf_printf(&q->text, "%s?%d%s", before, q->n, after);
}

static void add_text(struct list_sql *q, const char *before, const char *v)
{
	q->args[q->n++] = (struct db_arg){.type = 's', .s = str_from(v)};
	buf_printf(&q->text, "%s?%d", before, q->n);
}

static void list_begin(struct list_sql *q, struct arena *a, bool answers)
{
	*q = (struct list_sql){.n = 0};
	buf_init(&q->text, a);
	buf_printf(
	    &q->text, "SELECT %s%s FROM application", row_columns, answers ? ", answers" : "");
}

/* What narrows any list; columns stand in the list's index. */
static void list_narrow(struct list_sql *q, const struct app_filter *f, bool department)
{
	if (f->state)
		add_text(q, " AND state = ", f->state);
	if (f->procedure)
		add_text(q, " AND procedure = ", f->procedure);
	if (f->assignee != 0)
		add_i64(q, " AND assignee = ", f->assignee < 0 ? 0 : f->assignee, "");
	if (department && f->department > 0)
		add_i64(q, " AND department = ", f->department, "");
}

int cursor_parse(const char *text, struct cursor *c, struct err *err)
{
	struct str rest = str_from(text), key;
	if (!text)
		return 0;
	if (!str_cut(&rest, '.', &key) || !str_to_i64(key, INT64_MIN, INT64_MAX, &c->key) ||
	    !str_to_i64(rest, 0, INT64_MAX, &c->id))
		return err_field(
		    err, ERR_INPUT, "after", "application.invalid", "no cursor: %s", text);
	c->set = true;
	return 0;
}

/* --- a page on its way --- */

struct page {
	struct db *db;
	struct arena *arena;
	const struct app_actor *actor;
	const struct app_filter *filter;
	struct reach scope;
	int limit;
	struct app_row **rows;
	struct cursor *at; /* of each row */
	int n;
	bool more;          /* stopped before the end of the list */
	struct cursor last; /* where it stopped */
	bool answers;       /* rows with their answers, for export */
	struct err *err;
};

static bool row_wanted(const struct page *p, const struct app_row *r)
{
	const struct app_filter *f = p->filter;
	return (!f->state || strcmp(r->state, f->state) == 0) &&
	       (!f->procedure || strcmp(r->procedure, f->procedure) == 0) &&
	       (f->department == 0 || r->department == f->department) &&
	       (f->assignee == 0 || r->assignee == (f->assignee < 0 ? 0 : f->assignee));
}

static int column_count(void)
{
	int n = 1;
	for (const char *c = row_columns; *c; c++)
		n += *c == ',';
	return n;
}

/* Where the key of a list's order stands. */
enum list_key { KEY_ORDER, KEY_SUBMITTED, KEY_TURN };

/* What is somebody's own, or waits for them, they see whatever kind of record it is; a protected
 * person's only who is named. */
static bool row_shown(const struct page *p, const struct app_row *r, enum list_key key)
{
	return !reach_hides(&p->scope, r->id) &&
	       (p->filter->scope == APP_SCOPE_MINE || key == KEY_TURN ||
	           reach_takes(&p->scope, r->department, r->procedure));
}

/* Takes rows of a composed list, whose LIMIT is chunk + 1, until the page is full. */
static int page_read(
    struct page *p, struct list_sql *q, enum list_key key, bool check_scope, int chunk)
{
	struct rows *rows = db_query_args(p->db, p->err, q->text.p, q->args, q->n);
	if (!rows)
		return -(int)ERR_STORE;
	int rc, seen = 0;
	p->more = false;
	while ((rc = rows_next(rows)) == 1) {
		if (p->n == p->limit || seen++ == chunk) {
			p->more = true;
			break;
		}
		struct arena_mark mark = arena_mark(p->arena);
		struct app_row *r = row_read(p->arena, rows, false);
		p->last =
		    (struct cursor){.key = key == KEY_ORDER       ? r->order_key
		                           : key == KEY_SUBMITTED ? r->submitted_us
		                                                  : rows_i64(rows, column_count()),
		        .id = r->id,
		        .set = true};
		if ((check_scope && !reach_has(&p->scope, r->department)) ||
		    !row_shown(p, r, key)) {
			if (!p->scope.narrow) /* what was asked of the rights is kept there, too */
				arena_release(p->arena, mark);
			continue;
		}
		p->at[p->n] = p->last;
		p->rows[p->n++] = r;
	}
	rows_end(rows);
	return rc < 0 ? rc : 0;
}

/* For lists that leave rows out here: is the page done after reading up to `seen` rows? */
static bool page_done(const struct page *p, int seen)
{
	return !p->more || p->n == p->limit || seen >= SCAN_MAX;
}

/* Where a list begins: after the cursor; "overdue" ends it at today. */
static void list_order(
    struct page *p, struct list_sql *q, struct cursor c, const char *prefix, int chunk)
{
	if (c.set) {
		add_i64(q, " AND (order_key, id) > (", c.key, ", ");
		add_i64(q, "", c.id, ")");
	}
	if (p->filter->overdue)
		add_i64(q, " AND order_key < ", date_to_days(date_of_us(now_us())), "");
	/* One more than is read tells whether there is a next page. */
	buf_printf(&q->text, " ORDER BY %sorder_key, id LIMIT %d", prefix, chunk + 1);
}

static int list_department(struct page *p, int64_t department, struct cursor c)
{
	struct list_sql q;
	list_begin(&q, p->arena, false);
	add_i64(&q, " WHERE department = ", department, "");
	add_i64(&q, " AND bucket = ", p->filter->bucket, "");
	list_narrow(&q, p->filter, false);
	list_order(p, &q, c, "department, bucket, ", p->limit);
	return page_read(p, &q, KEY_ORDER, false, p->limit);
}

static int list_mine(struct page *p, struct cursor c)
{
	struct list_sql q;
	list_begin(&q, p->arena, false);
	add_i64(&q, " WHERE assignee = ", p->actor->person, " AND assignee > 0");
	add_i64(&q, " AND bucket = ", p->filter->bucket, "");
	list_narrow(&q, p->filter, true);
	list_order(p, &q, c, "assignee, bucket, ", p->limit);
	return page_read(p, &q, KEY_ORDER, false, p->limit);
}

/* What the route waits for: ordered by the turn's own copy of the key. */
static int list_turn(struct page *p, struct cursor c, const char *kind)
{
	const struct app_filter *f = p->filter;
	bool narrowed = f->state || f->procedure || f->assignee || f->department > 0;
	struct list_sql q = {.n = 0};
	buf_init(&q.text, p->arena);
	buf_printf(&q.text,
	    "SELECT %s, turn_key FROM (SELECT application AS turn_of, order_key AS turn_key"
	    " FROM route_turn",
	    row_columns);
	add_i64(&q, " WHERE staff = ", p->actor->person, "");
	add_text(&q, " AND kind = ", kind);
	if (c.set) {
		add_i64(&q, " AND (order_key, application) > (", c.key, ", ");
		add_i64(&q, "", c.id, ")");
	}
	if (f->overdue)
		add_i64(&q, " AND order_key < ", date_to_days(date_of_us(now_us())), "");
	buf_printf(&q.text,
	    " ORDER BY staff, kind, order_key, application LIMIT %d) AS t"
	    " JOIN application ON id = turn_of WHERE 1 = 1",
	    (narrowed ? SCAN_MAX : p->limit) + 1);
	list_narrow(&q, f, true);
	buf_printf(&q.text, " ORDER BY turn_key, turn_of LIMIT %d", p->limit + 1);
	return page_read(p, &q, KEY_TURN, false, p->limit);
}

static int compare_at(const struct cursor *a, const struct cursor *b)
{
	if (a->key != b->key)
		return a->key < b->key ? -1 : 1;
	return a->id < b->id ? -1 : a->id > b->id;
}

/* Merges the pages of a few departments. */
static int list_merged(struct page *p, struct cursor c)
{
	struct app_row **rows =
	    arena_array(p->arena, (size_t)(p->limit * p->scope.n), sizeof(*rows));
	struct cursor *at = arena_array(p->arena, (size_t)(p->limit * p->scope.n), sizeof(*at));
	int n = 0;
	bool more = false;
	struct page part = *p;
	for (int i = 0; i < p->scope.n; i++) {
		part.rows = rows + n;
		part.at = at + n;
		part.n = 0;
		part.more = false;
		int rc = list_department(&part, p->scope.departments[i], c);
		if (rc < 0)
			return rc;
		more = more || part.more;
		n += part.n;
	}
	for (; p->n < p->limit && p->n < n; p->n++) {
		int best = p->n;
		for (int i = p->n + 1; i < n; i++)
			if (compare_at(&at[i], &at[best]) < 0)
				best = i;
		struct app_row *r = rows[best];
		struct cursor k = at[best];
		rows[best] = rows[p->n];
		at[best] = at[p->n];
		rows[p->n] = r;
		at[p->n] = k;
		p->rows[p->n] = r;
		p->at[p->n] = p->last = k;
	}
	p->more = more || n > p->limit;
	return 0;
}

static int list_all(struct page *p, struct cursor c)
{
	if (p->filter->department > 0)
		return reach_has(&p->scope, p->filter->department)
		           ? list_department(p, p->filter->department, c)
		           : 0;
	if (!p->scope.all && p->scope.n <= MERGE_MAX)
		return list_merged(p, c);
	int rc, seen = 0, chunk = p->scope.all ? p->limit : 4 * p->limit;
	do {
		struct list_sql q;
		list_begin(&q, p->arena, false);
		add_i64(&q, " WHERE bucket = ", p->filter->bucket, "");
		list_narrow(&q, p->filter, false);
		list_order(p, &q, c, "bucket, ", chunk);
		rc = page_read(p, &q, KEY_ORDER, true, chunk);
		c = p->last;
		seen += chunk;
	} while (rc == 0 && !page_done(p, seen));
	return rc;
}

/* Few departments are told to the database, which has them in the index of the list; the + keeps it
 * from choosing the index of departments and sorting. */
static void narrow_scope(struct page *p, struct list_sql *q)
{
	if (p->filter->department > 0)
		add_i64(q, " AND +department = ", p->filter->department, "");
	if (p->scope.all || p->scope.n > MERGE_MAX)
		return;
	buf_puts(&q->text, " AND (1 = 0");
	for (int i = 0; i < p->scope.n; i++)
		add_i64(q, " OR +department = ", p->scope.departments[i], "");
	buf_putc(&q->text, ')');
}

/* By submission, newest first. */
static int list_dates(struct page *p, struct cursor c)
{
	const struct app_filter *f = p->filter;
	struct date from = {0}, until = {0};
	bool mine = f->scope == APP_SCOPE_MINE;
	int rc, seen = 0,
	        chunk = p->scope.all || mine || f->department > 0 ? p->limit : 4 * p->limit;
	if ((f->from && !date_parse(str_from(f->from), &from)) ||
	    (f->until && !date_parse(str_from(f->until), &until)))
		return err_field(p->err, ERR_INPUT, f->from && !from.year ? "from" : "until",
		    "application.date", "no date");
	do {
		struct list_sql q;
		list_begin(&q, p->arena, false);
		add_i64(&q, " WHERE submitted_us > 0 AND submitted_us >= ",
		    from.year ? date_start_us(from) : 1, "");
		if (until.year)
			add_i64(
			    &q, " AND submitted_us < ", date_start_us(date_add_days(until, 1)), "");
		if (c.set) {
			add_i64(&q, " AND (submitted_us, id) < (", c.key, ", ");
			add_i64(&q, "", c.id, ")");
		}
		list_narrow(&q, f, false);
		if (mine)
			add_i64(&q, " AND assignee = ", p->actor->person, "");
		else
			narrow_scope(p, &q);
		buf_printf(&q.text, " ORDER BY submitted_us DESC, id DESC LIMIT %d", chunk + 1);
		rc = page_read(p, &q, KEY_SUBMITTED, !mine, chunk);
		c = p->last;
		seen += chunk;
	} while (rc == 0 && !page_done(p, seen));
	return rc;
}

static int department_column(void)
{
	const char *end = strstr(row_columns, ", department");
	int n = 1;
	for (const char *c = row_columns; c < end; c++)
		n += *c == ',';
	return n;
}

/* The rows of up to TAKE_MAX ids, in their order. NULL: gone, or of another department: a search
 * meets many of those, so they are not even copied. */
static int rows_of_ids(struct page *p, const int64_t *ids, int n, struct app_row **out)
{
	struct list_sql q;
	list_begin(&q, p->arena, p->answers);
	/* Always as many, the last one repeated, so that it is one statement. */
	for (int i = 0; i < TAKE_MAX; i++) {
		add_i64(&q, i ? ", " : " WHERE id IN (", ids[i < n ? i : n - 1], "");
		out[i] = NULL;
	}
	buf_putc(&q.text, ')');
	struct rows *rows = db_query_args(p->db, p->err, q.text.p, q.args, q.n);
	int rc = rows ? 0 : -(int)ERR_STORE;
	while (rows && (rc = rows_next(rows)) == 1) {
		if (p->filter->scope != APP_SCOPE_MINE &&
		    !reach_has(&p->scope, rows_i64(rows, department_column())))
			continue;
		int at = 0;
		while (ids[at] != rows_i64(rows, 0))
			at++;
		struct app_row *r = row_read(p->arena, rows, p->answers);
		if (row_shown(p, r, KEY_SUBMITTED))
			out[at] = r;
	}
	rows_end(rows);
	return rc;
}

/* Puts those of the ids that are wanted on the page; returns how many were looked at. */
static int page_take(struct page *p, const int64_t *ids, int n)
{
	struct app_row *found[TAKE_MAX];
	int i = 0;
	for (; i < n && p->n < p->limit; i++) {
		if (i % TAKE_MAX == 0) {
			int rc =
			    rows_of_ids(p, ids + i, n - i < TAKE_MAX ? n - i : TAKE_MAX, found);
			if (rc < 0)
				return rc;
		}
		struct app_row *r = found[i % TAKE_MAX];
		p->last = (struct cursor){.id = ids[i], .set = true};
		if (!r || !row_wanted(p, r) || strcmp(r->state, "draft") == 0 ||
		    (p->filter->scope == APP_SCOPE_MINE && r->assignee != p->actor->person))
			continue;
		p->at[p->n] = p->last;
		p->rows[p->n++] = r;
	}
	return i;
}

/* The departments that the index is asked for; none: all. */
static struct search_query list_query(const struct page *p)
{
	const struct app_filter *f = p->filter;
	struct search_query q = {.kind = "application", .text = f->text};
	if (f->department > 0) {
		q.groups = &f->department;
		q.ngroups = 1;
	} else if (f->scope != APP_SCOPE_MINE && !p->scope.all) {
		q.groups = p->scope.departments;
		q.ngroups = p->scope.n;
	}
	return q;
}

/* A number finds its application; words go to the search index. */
static int list_text(struct page *p, struct cursor c)
{
	const char *text = p->filter->text;
	const char *number = receipt_number_fold(p->arena, str_from(text));
	struct rows *rows = NULL;
	int rc = 0, seen = 0;
	if (number)
		rows = db_query(p->db, p->err, &life_sql[SQL_BY_RECEIPT], "t", number);
	else
		rows = db_query(p->db, p->err, &life_sql[SQL_BY_SERIAL], "si",
		    str_trim(str_from(text)), (int64_t)p->limit);
	if (!rows)
		return -(int)ERR_STORE;
	int64_t ids[LIMIT_MAX], *found;
	int n = 0;
	while (n < LIMIT_MAX && (rc = rows_next(rows)) == 1)
		ids[n++] = rows_i64(rows, 0);
	rows_end(rows);
	if (rc == 0 && n > 0 && c.set) /* all of a number's stood on the first page */
		return 0;
	if (rc == 0 && n > 0)
		rc = page_take(p, ids, n);
	if (rc < 0 || n > 0)
		return rc < 0 ? rc : 0;
	struct search_query query = list_query(p);
	query.before_id = c.id;
	while (p->n < p->limit && seen < SEARCH_SCAN_MAX) {
		/* The index looks through all its matches again each time, so that whoever needs
		 * more than one page's worth gets the rest at once. */
		query.limit = seen ? SEARCH_SCAN_MAX - seen : p->limit;
		n = search_find(p->db, p->arena, &query, &found, p->err);
		if (n < 0)
			return n;
		int taken = page_take(p, found, n);
		if (taken < 0)
			return taken;
		seen += taken;
		if (taken)
			query.before_id = found[taken - 1];
		if (taken == n && n < query.limit)
			return 0;
	}
	p->more = true;
	return 0;
}

/* --- rows as JSON --- */

struct names {
	struct name {
		struct name *next;
		int64_t id;
		const char *text;
	} * departments, *staff;
	const char *lang;
};

static const char *name_of(struct db *db, struct arena *a, struct names *n, bool staff, int64_t id)
{
	struct name **list = staff ? &n->staff : &n->departments;
	struct err err;
	if (id == 0)
		return NULL;
	for (struct name *x = *list; x; x = x->next)
		if (x->id == id)
			return x->text;
	struct name *x = arena_new_of(a, struct name);
	*x = (struct name){.next = *list,
	    .id = id,
	    .text = staff ? staff_name(db, a, id, &err)
	                  : department_name_in(db, a, id, n->lang ? n->lang : "ja", &err)};
	*list = x;
	return x->text;
}

void due_view(json_t *out, const char *due, int64_t submitted_us, enum app_bucket bucket)
{
	struct date d, today = date_of_us(now_us());
	bool there = due && date_parse(str_from(due), &d);
	int left = there ? (int)(date_to_days(d) - date_to_days(today)) : 0;
	bool office = bucket == APP_BUCKET_OFFICE;
	json_object_set_new(out, "due", there ? json_string(due) : json_null());
	json_object_set_new(out, "days_left",
	    there && bucket != APP_BUCKET_DONE ? json_integer(left) : json_null());
	json_object_set_new(out, "overdue", json_boolean(office && there && left < 0));
	json_object_set_new(out, "warn",
	    json_boolean(office && there && left >= 0 &&
	                 date_compare(today, period_warn(date_of_us(submitted_us), d)) >= 0));
}

static json_t *row_view(struct db *db, struct arena *a, const struct app_row *r, struct names *n)
{
	json_t *o = json_pack("{s:I, s:s?, s:s?, s:s, s:s, s:s?, s:s, s:s, s:s, s:s}", "id",
	    (json_int_t)r->id, "number", r->receipt_number, "serial", r->serial, "procedure",
	    r->procedure, "version", r->version, "applicant", r->applicant_name, "applicant_kind",
	    r->applicant_kind, "channel", r->channel, "state", r->state, "state_key",
	    arena_printf(a, "application.state.%s", r->state));
	json_object_set_new(o, "public_key", json_string(public_key(a, r->state, r->outcome)));
	json_object_set_new(o, "person", json_integer((json_int_t)r->applicant_person));
	json_object_set_new(o, "turn", json_integer((json_int_t)r->turn));
	json_object_set_new(o, "department", json_integer((json_int_t)r->department));
	const char *department = name_of(db, a, n, false, r->department);
	const char *assignee = name_of(db, a, n, true, r->assignee);
	json_object_set_new(
	    o, "department_name", department ? json_string(department) : json_null());
	json_object_set_new(o, "assignee", json_integer((json_int_t)r->assignee));
	json_object_set_new(o, "assignee_name", assignee ? json_string(assignee) : json_null());
	json_object_set_new(o, "submitted",
	    r->submitted_us ? json_integer((json_int_t)r->submitted_us) : json_null());
	json_object_set_new(o, "updated", json_integer((json_int_t)r->updated_us));
	json_object_set_new(o, "step", json_integer((json_int_t)r->step));
	json_object_set_new(o, "fee_yen", json_integer((json_int_t)r->fee_yen));
	json_object_set_new(o, "fee_open",
	    json_boolean(r->fee_yen > r->paid_yen &&
	                 (strcmp(r->state, "payment") == 0 || (r->kids & KID_CHARGE))));
	json_object_set_new(o, "place", r->place ? json_string(r->place) : json_null());
	due_view(o, r->due, r->submitted_us, (enum app_bucket)r->bucket);
	return o;
}

static void page_view(struct page *p, const char *lang, json_t **out)
{
	struct names names = {.lang = lang};
	json_t *items = json_array();
	for (int i = 0; i < p->n; i++)
		json_array_append_new(items, row_view(p->db, p->arena, p->rows[i], &names));
	struct cursor last = p->n == p->limit ? p->at[p->n - 1] : p->last;
	*out = json_pack("{s:o, s:o}", "items", items, "next",
	    p->more ? json_string(arena_printf(p->arena, "%" PRId64 ".%" PRId64, last.key, last.id))
	            : json_null());
}

static bool has_words(const struct app_filter *f)
{
	return f->text && str_trim(str_from(f->text)).n;
}

int app_list(struct db *db, struct arena *a, const struct app_actor *actor,
    const struct app_filter *f, const char *lang, json_t **out, struct err *err)
{
	struct cursor c = {0};
	struct page p = {.db = db, .arena = a, .actor = actor, .filter = f, .err = err};
	p.limit = f->limit <= 0 ? LIMIT_DEFAULT : f->limit > LIMIT_MAX ? LIMIT_MAX : f->limit;
	p.rows = arena_array(a, (size_t)p.limit, sizeof(*p.rows));
	p.at = arena_array(a, (size_t)p.limit, sizeof(*p.at));
	int rc = reach_of(db, a, actor, "application.read", &p.scope, err);
	if (rc < 0 || (rc = cursor_parse(f->after, &c, err)) < 0)
		return rc;
	if (f->scope == APP_SCOPE_DEPARTMENT && !reach_has(&p.scope, f->department))
		return err_set(err, ERR_DENIED, "application.denied",
		    "%s may not read department %" PRId64, actor->id, f->department);
	bool text = has_words(f), dates = f->from || f->until;
	if (f->bucket == APP_BUCKET_DRAFT && !text && !dates &&
	    (f->scope == APP_SCOPE_DEPARTMENT || f->scope == APP_SCOPE_ALL))
		return err_set(err, ERR_DENIED, "application.denied", "drafts of others");
	if (text)
		rc = list_text(&p, c);
	else if (dates)
		rc = list_dates(&p, c);
	else if (f->scope == APP_SCOPE_MINE)
		rc = list_mine(&p, c);
	else if (f->scope == APP_SCOPE_TURN || f->scope == APP_SCOPE_REVIEW)
		rc = list_turn(&p, c, f->scope == APP_SCOPE_TURN ? "turn" : "review");
	else if (f->scope == APP_SCOPE_DEPARTMENT)
		rc = list_department(&p, f->department, c);
	else
		rc = list_all(&p, c);
	if (rc < 0)
		return rc;
	page_view(&p, lang, out);
	return 0;
}

/* --- counts --- */

struct counting {
	struct db *db;
	const struct app_actor *actor;
	const struct reach *scope;
	int64_t department; /* 0: the whole scope */
	bool mine;
	struct err *err;
};

/* Who may not see every kind of record: looks at each, and at no more than a page of a list does.
 */
static int count_kinds(const struct counting *c, int64_t *out, int64_t department, int bucket,
    int64_t before, int64_t most)
{
	struct rows *rows = db_query(c->db, c->err, &life_sql[SQL_COUNT_KINDS], "iiii", department,
	    (int64_t)bucket, before, (int64_t)SCAN_MAX);
	struct arena *a = arena_new();
	int rc = rows ? 0 : -(int)ERR_STORE;
	*out = 0;
	while (rows && *out < most && (rc = rows_next(rows)) == 1) {
		struct arena_mark mark = arena_mark(a);
		*out += reach_takes(c->scope, department, rows_dup(rows, 0, a));
		arena_release(a, mark);
	}
	rows_end(rows);
	arena_free(a);
	return rc < 0 ? rc : 0;
}

static int count_one(const struct counting *c, int64_t *out, int64_t department, int bucket,
    bool overdue, int64_t most)
{
	int64_t today = date_to_days(date_of_us(now_us()));
	if (c->scope->narrow)
		return count_kinds(c, out, department, bucket, overdue ? today : INT64_MAX, most);
	if (overdue)
		return db_get_i64(c->db, c->err, out, &life_sql[SQL_COUNT_DEPARTMENT_DUE], "iii",
		    department, today, most);
	return db_get_i64(c->db, c->err, out, &life_sql[SQL_COUNT_DEPARTMENT], "iii", department,
	    (int64_t)bucket, most);
}

static int count_there(
    const struct counting *c, int64_t *out, int bucket, bool overdue, int64_t most)
{
	int64_t today = date_to_days(date_of_us(now_us())), n;
	*out = 0;
	if (c->mine && overdue)
		return db_get_i64(c->db, c->err, out, &life_sql[SQL_COUNT_MINE_DUE], "iii",
		    c->actor->person, today, most);
	if (c->mine)
		return db_get_i64(c->db, c->err, out, &life_sql[SQL_COUNT_MINE], "iii",
		    c->actor->person, (int64_t)bucket, most);
	if (c->department)
		return count_one(c, out, c->department, bucket, overdue, most);
	if (c->scope->all && !c->scope->narrow && overdue)
		return db_get_i64(
		    c->db, c->err, out, &life_sql[SQL_COUNT_ALL_DUE], "ii", today, most);
	if (c->scope->all && !c->scope->narrow)
		return db_get_i64(
		    c->db, c->err, out, &life_sql[SQL_COUNT_ALL], "ii", (int64_t)bucket, most);
	for (int i = 0; i < c->scope->n && *out < most; i++) {
		int rc = count_one(c, &n, c->scope->departments[i], bucket, overdue, most - *out);
		if (rc < 0)
			return rc;
		*out += n;
	}
	return 0;
}

/* Is this hidden one among what was counted? */
static bool counted(const struct counting *c, const struct hidden *h, int bucket, bool overdue)
{
	int64_t today = date_to_days(date_of_us(now_us()));
	if (h->bucket != bucket || (overdue && h->order_key >= today))
		return false;
	if (c->mine)
		return h->assignee == c->actor->person;
	return (c->department ? h->department == c->department
	                      : reach_has(c->scope, h->department)) &&
	       reach_takes(c->scope, h->department, h->procedure);
}

/* Of what is hidden nobody learns by a number, either. */
static int count(const struct counting *c, int64_t *out, int bucket, bool overdue)
{
	int rc = count_there(c, out, bucket, overdue, APP_COUNT_MAX + c->scope->nhidden);
	for (int i = 0; i < c->scope->nhidden && rc >= 0; i++)
		*out -= counted(c, &c->scope->hidden[i], bucket, overdue);
	*out = *out > APP_COUNT_MAX ? APP_COUNT_MAX : *out;
	return rc;
}

static int count_turn(const struct counting *c, int64_t *out, const char *kind)
{
	int rc = db_get_i64(c->db, c->err, out, &life_sql[SQL_COUNT_TURN], "iti", c->actor->person,
	    kind, (int64_t)APP_COUNT_MAX + c->scope->nhidden);
	for (int i = 0; i < c->scope->nhidden && rc >= 0; i++) {
		int64_t one;
		rc = db_get_i64(c->db, c->err, &one, &life_sql[SQL_TURN_HAS], "iti",
		    c->actor->person, kind, c->scope->hidden[i].id);
		*out -= rc > 0;
	}
	*out = *out > APP_COUNT_MAX ? APP_COUNT_MAX : *out;
	return rc;
}

int app_counts(struct db *db, struct arena *a, const struct app_actor *actor,
    const struct app_filter *f, json_t **out, struct err *err)
{
	struct reach scope = {0};
	int rc = reach_of(db, a, actor, "application.read", &scope, err);
	if (rc < 0)
		return rc;
	const struct counting all = {.db = db, .actor = actor, .scope = &scope, .err = err};
	struct counting here = all, mine = all;
	here.department = f->department > 0 && reach_has(&scope, f->department) ? f->department : 0;
	here.mine = f->scope == APP_SCOPE_MINE;
	mine.mine = true;
	bool everything = !here.mine && !here.department;
	const struct {
		const char *name;
		const struct counting *of;
		int bucket;
		bool overdue;
		const char *same; /* as one that was counted before; NULL: to be counted */
	} counts[] = {
	    {"office", &here, APP_BUCKET_OFFICE, false, NULL},
	    {"waiting", &here, APP_BUCKET_WAITING, false, NULL},
	    {"overdue", &here, APP_BUCKET_OFFICE, true, NULL},
	    {"mine", &mine, APP_BUCKET_OFFICE, false, here.mine ? "office" : NULL},
	    {"all", &all, APP_BUCKET_OFFICE, false, everything ? "office" : NULL},
	    {"late", &all, APP_BUCKET_OFFICE, true, everything ? "overdue" : NULL},
	};
	json_t *o = json_object();
	for (size_t i = 0; i < COUNT(counts) && rc >= 0; i++) {
		int64_t n =
		    json_integer_value(json_object_get(o, counts[i].same ? counts[i].same : ""));
		if (!counts[i].same)
			rc = count(counts[i].of, &n, counts[i].bucket, counts[i].overdue);
		json_object_set_new(o, counts[i].name, json_integer((json_int_t)n));
	}
	for (int i = 0; i < 2 && rc >= 0; i++) {
		const char *kind = i ? "review" : "turn";
		int64_t n = 0;
		rc = count_turn(&all, &n, kind);
		json_object_set_new(o, kind, json_integer((json_int_t)n));
	}
	if (rc < 0) {
		json_decref(o);
		return rc;
	}
	*out = o;
	return 0;
}

/* --- a resident's own --- */

struct own_rows {
	int64_t account;
	json_t *list;
	struct names names;
};

/* Adds those that are the account's today; whoever acts for somebody else sees for whom, and whom
 * it is for sees who acts. */
static int own_rows(
    struct db *db, struct arena *a, struct own_rows *own, struct rows *rows, struct err *err)
{
	int rc = rows ? 0 : -(int)ERR_STORE;
	while (rows && (rc = rows_next(rows)) == 1) {
		struct app_row *r = row_read(a, rows, false);
		if ((r->kids & KID_MANDATE_USE) && !owner_acts(db, own->account, r))
			continue;
		json_t *view = row_view(db, a, r, &own->names);
		/* Who works on it is the office's own matter. */
		json_object_del(view, "assignee");
		json_object_del(view, "assignee_name");
		if (r->kids & KID_MANDATE) {
			json_t *mandate = mandate_of(db, r->id, err);
			json_object_set(
			    view, "on_behalf", json_object_get(mandate, "principal_name"));
			json_decref(mandate);
		}
		json_array_append_new(own->list, view);
	}
	rows_end(rows);
	return rc < 0 ? rc : 0;
}

int app_of_person(struct db *db, struct arena *a, int64_t account, int limit, const char *lang,
    json_t **out, struct err *err)
{
	static const char *const names[APP_BUCKET_COUNT] = {
	    [APP_BUCKET_DRAFT] = "drafts",
	    [APP_BUCKET_OFFICE] = "open",
	    [APP_BUCKET_WAITING] = "action",
	    [APP_BUCKET_DONE] = "done",
	};
	json_t *o = json_object();
	int rc = 0;
	limit = limit > 0 && limit < LIMIT_MAX ? limit : LIMIT_MAX;
	for (int b = 0; b < APP_BUCKET_COUNT && rc == 0; b++) {
		struct own_rows own = {
		    .account = account, .list = json_array(), .names = {.lang = lang}};
		json_object_set_new(o, names[b], own.list);
		rc = own_rows(db, a, &own,
		    db_query(db, err, &life_sql[SQL_OF_ACCOUNT], "iii", account, (int64_t)b,
		        (int64_t)limit),
		    err);
		if (rc == 0)
			rc = own_rows(db, a, &own,
			    db_query(db, err, &life_sql[SQL_OF_PRINCIPAL], "iii", account,
			        (int64_t)b, (int64_t)limit),
			    err);
		if (rc == 0)
			rc = own_rows(db, a, &own,
			    db_query(db, err, &life_sql[SQL_OF_ORGANISATION], "iiit", account,
			        (int64_t)b, (int64_t)limit, date_format(a, date_of_us(now_us()))),
			    err);
	}
	if (rc < 0) {
		json_decref(o);
		return rc;
	}
	*out = o;
	return 0;
}

/* --- export --- */

/* What a list shows of one's own without the right to the kind of record is not exported. */
static int export_take(
    const struct page *p, const struct app_row *r, struct application **list, int *n)
{
	if (!reach_has(&p->scope, r->department) || reach_hides(&p->scope, r->id) ||
	    !reach_takes(&p->scope, r->department, r->procedure))
		return 0;
	int rc = row_to_application(p->db, p->arena, r, &list[*n], p->err);
	*n += rc == 0;
	return rc;
}

/* As app_list() does: dates look into every bucket. The + keeps the order of ids. */
static void export_narrow(const struct page *p, struct list_sql *q)
{
	const struct app_filter *f = p->filter;
	const char *key = " AND +order_key < ";
	bool turn = f->scope == APP_SCOPE_TURN || f->scope == APP_SCOPE_REVIEW;
	if (f->scope == APP_SCOPE_MINE)
		add_i64(q, " AND +assignee = ", p->actor->person, "");
	if (f->from || f->until)
		return;
	if (turn) {
		add_i64(q, " AND id IN (SELECT application FROM route_turn WHERE staff = ",
		    p->actor->person, "");
		add_text(q, " AND kind = ", f->scope == APP_SCOPE_TURN ? "turn" : "review");
		key = " AND route_turn.order_key < ";
	} else {
		add_i64(q, " AND +bucket = ", f->bucket, "");
	}
	if (f->overdue)
		add_i64(q, key, date_to_days(date_of_us(now_us())), "");
	if (turn)
		buf_putc(&q->text, ')');
}

static int export_window(struct page *p, int64_t after, int64_t from_us, int64_t until_us,
    struct application **list, int *n, int64_t *last)
{
	struct list_sql q;
	list_begin(&q, p->arena, true);
	add_i64(&q, " WHERE id > ", after, "");
	add_i64(&q, " AND id <= ", after + EXPORT_WINDOW, " AND submitted_us > 0");
	list_narrow(&q, p->filter, true);
	export_narrow(p, &q);
	if (from_us)
		add_i64(&q, " AND submitted_us >= ", from_us, "");
	if (until_us)
		add_i64(&q, " AND submitted_us < ", until_us, "");
	buf_printf(&q.text, " ORDER BY id LIMIT %d", p->limit);
	struct rows *rows = db_query_args(p->db, p->err, q.text.p, q.args, q.n);
	if (!rows)
		return -(int)ERR_STORE;
	int rc, seen = 0;
	*last = after + EXPORT_WINDOW;
	while ((rc = rows_next(rows)) == 1) {
		struct app_row *r = row_read(p->arena, rows, true);
		if (++seen == p->limit)
			*last = r->id;
		if ((rc = export_take(p, r, list, n)) < 0)
			break;
	}
	rows_end(rows);
	return rc < 0 ? rc : 0;
}

/* What the words find; newest first, before the id. */
static int export_found(
    struct page *p, int64_t before, struct application **list, int *n, int64_t *last)
{
	p->n = 0;
	p->more = false;
	p->last = (struct cursor){.id = before};
	int rc = list_text(p, (struct cursor){.id = before, .set = before > 0});
	for (int i = 0; i < p->n && rc >= 0; i++)
		rc = export_take(p, p->rows[i], list, n);
	*last = p->last.id;
	return rc;
}

int app_export_next(struct db *db, struct arena *a, const struct app_actor *actor,
    const struct app_filter *f, int64_t after_id, int limit, struct application ***out,
    int64_t *last, struct err *err)
{
	static const struct sql newest = {"SELECT COALESCE(MAX(id), 0) FROM application", NULL};
	struct page p = {
	    .db = db, .arena = a, .actor = actor, .filter = f, .answers = true, .err = err};
	struct date from = {0}, until = {0};
	int64_t end = 0, at = after_id;
	bool words = has_words(f);
	int n = 0;
	p.limit = limit > 0 && limit <= LIMIT_MAX ? limit : LIMIT_MAX;
	p.rows = arena_array(a, (size_t)p.limit, sizeof(*p.rows));
	p.at = arena_array(a, (size_t)p.limit, sizeof(*p.at));
	int rc = reach_of(db, a, actor, "application.export", &p.scope, err);
	if (rc < 0 || (rc = db_get_i64(db, err, &end, &newest, "")) < 0)
		return rc;
	if ((f->from && !date_parse(str_from(f->from), &from)) ||
	    (f->until && !date_parse(str_from(f->until), &until)))
		return err_field(err, ERR_INPUT, "from", "application.date", "no date");
	struct application **list = arena_array(a, (size_t)p.limit, sizeof(struct application *));
	for (bool more = true; n == 0 && more && at < end;) {
		int64_t next;
		rc = words ? export_found(&p, at, list, &n, &next)
		           : export_window(&p, at, from.year ? date_start_us(from) : 0,
		                 until.year ? date_start_us(date_add_days(until, 1)) : 0, list, &n,
		                 &next);
		if (rc < 0)
			return rc;
		at = next;
		more = !words || p.more;
	}
	*out = list;
	if (n > 0)
		*last = at;
	return n;
}

/* --- statistics --- */

int app_statistics_refresh(struct db *db, struct err *err)
{
	int64_t today = date_to_days(date_of_us(now_us()));
	int64_t n = db_run(db, err, &life_sql[SQL_STAT_CLEAR], "");
	if (n >= 0)
		n = db_run(db, err, &life_sql[SQL_STAT_FILL], "ii", today, now_us());
	return n < 0 ? (int)n : 0;
}

int app_statistics(struct db *db, struct arena *a, json_t **out, struct err *err)
{
	static const char *const names[] = {"procedure", "department", "submitted", "open",
	    "overdue", "granted", "refused", "withdrawn", "online", "counter"};
	struct rows *rows = db_query(db, err, &life_sql[SQL_STAT_LIST], "");
	json_t *list = json_array(), *as_of = NULL;
	int rc = rows ? 0 : -(int)ERR_STORE;
	while (rows && (rc = rows_next(rows)) == 1) {
		json_t *o = json_pack("{s:s}", names[0], rows_dup(rows, 0, a));
		for (int i = 1; i < (int)COUNT(names); i++)
			json_object_set_new(
			    o, names[i], json_integer((json_int_t)rows_i64(rows, i)));
		int64_t decided = rows_i64(rows, 11);
		json_object_set_new(o, "days_mean",
		    decided ? json_real((double)rows_i64(rows, 10) / (double)decided)
		            : json_null());
		json_array_append_new(list, o);
		if (!as_of)
			as_of = json_integer((json_int_t)rows_i64(rows, 12));
	}
	rows_end(rows);
	*out = json_pack("{s:o, s:o}", "as_of", as_of ? as_of : json_null(), "procedures", list);
	if (rc < 0) {
		json_decref(*out);
		*out = NULL;
	}
	return rc;
}
