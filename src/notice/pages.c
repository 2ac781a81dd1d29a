/* /staff/outbox: what became of the mails, for operators. */
#include "notice/pages.h"

#include <string.h>

#include "notice/private.h"
#include "trail/trail.h"

enum { PAGE = 50 };

static const char *base(const struct request *rq)
{
	return text_eq(rq->lang, "en") ? "/en" : "";
}

static const char *state_text(struct request *rq, enum notice_state state)
{
	return rq_tr(rq, arena_printf(rq->arena, "notice.state.%s", notice_state_name(state)));
}

/* What a kind of mail is called; that of a pack is shown as it is. */
static const char *kind_text(struct request *rq, const char *kind)
{
	const char *key = arena_printf(rq->arena, "notice.kind.%s", kind);
	const char *text = i18n_find(rq->city->i18n, rq->lang, key);
	return text ? text : kind;
}

static const char *tag_of(enum notice_state state)
{
	static const char *const tags[NOTICE_STATE_COUNT] = {[NOTICE_QUEUED] = "new",
	    [NOTICE_HELD] = "warn",
	    [NOTICE_FAILED] = "warn",
	    [NOTICE_DEAD] = "bad",
	    [NOTICE_DONE] = "ok",
	    [NOTICE_DISCARDED] = "plain"};
	return tags[state];
}

static bool (*hides)(struct db *, const char *about, int64_t staff);

void notice_set_hides(bool (*fn)(struct db *, const char *about, int64_t staff))
{
	hides = fn;
}

/* A protected person's: what remains is that there is a mail, which can be sent again. */
static bool hidden(struct request *rq, const struct notice *n)
{
	struct err err;
	struct db *db = rq_db(rq, &err);
	return !db || (hides && hides(db, n->about, rq->actor.person));
}

static json_t *notice_view(struct request *rq, const struct notice *of)
{
	struct notice shown = *of, *n = &shown;
	if (hidden(rq, of)) {
		n->to = "●●●";
		n->about = n->title = n->error = NULL;
	}
	json_t *v = json_pack("{s:I,s:s,s:s,s:s,s:s,s:s,s:s,s:I,s:I,s:{s:s,s:s}}", "id",
	    (json_int_t)n->id, "to", n->to, "kind", n->kind, "kind_text", kind_text(rq, n->kind),
	    "about", n->about ? n->about : "", "state", notice_state_name(n->state), "title",
	    n->title ? n->title : kind_text(rq, n->kind), "tries", (json_int_t)n->tries, "created",
	    (json_int_t)n->created_us, "tag", "state", tag_of(n->state), "label",
	    state_text(rq, n->state));
	json_object_set_new(
	    v, "href", json_sprintf("%s/staff/outbox/%lld", base(rq), (long long)n->id));
	if (n->error)
		json_object_set_new(v, "error", json_string(n->error));
	if (n->sent_us)
		json_object_set_new(v, "sent", json_integer((json_int_t)n->sent_us));
	if (n->tried_us)
		json_object_set_new(v, "tried", json_integer((json_int_t)n->tried_us));
	return v;
}

static int put_tabs(struct request *rq, struct db *db, int state, struct err *err)
{
	int64_t counts[NOTICE_STATE_COUNT], all = 0;
	json_t *tabs = json_array();
	json_object_set_new(rq->view, "tabs", tabs);
	int rc = notice_counts(db, TAB_COUNT_MAX, counts, err);
	if (rc < 0)
		return rc;
	for (int i = 0; i < NOTICE_STATE_COUNT; i++)
		all += counts[i];
	json_array_append_new(
	    tabs, tab_view(rq_tr(rq, "notice.state.all"),
	              arena_printf(rq->arena, "%s/staff/outbox", base(rq)), state < 0, all));
	for (int i = 0; i < NOTICE_STATE_COUNT; i++)
		json_array_append_new(
		    tabs, tab_view(state_text(rq, (enum notice_state)i),
		              arena_printf(rq->arena, "%s/staff/outbox?state=%s", base(rq),
		                  notice_state_name((enum notice_state)i)),
		              i == state, counts[i]));
	return 0;
}

int outbox_show(struct request *rq, struct err *err)
{
	struct db *db = rq_db(rq, err);
	int state = notice_state_parse(rq_query(rq, "state"));
	int64_t before = 0;
	struct notice *list;
	if (!db)
		return -(int)ERR_STORE;
	const char *typed = rq_query(rq, "before");
	if (typed && !str_to_i64(str_from(typed), 1, INT64_MAX, &before))
		before = 0;
	int n = notice_list(db, rq->arena, state, before, PAGE + 1, &list, err);
	int rc = n < 0 ? n : put_tabs(rq, db, state, err);
	if (rc == 0 && n > 0)
		rc = reading_note(
		    rq, &(struct reading){.kind = TRAIL_MAIL, .count = n > PAGE ? PAGE : n}, err);
	if (rc < 0)
		return rc;
	json_t *rows = json_array();
	for (int i = 0; i < n && i < PAGE; i++)
		json_array_append_new(rows, notice_view(rq, &list[i]));
	json_object_set_new(rq->view, "notices", rows);
	json_object_set_new(
	    rq->view, "no_server", json_boolean(!city_setting(rq->city, "smtp.url", "")[0]));
	if (n > PAGE)
		json_object_set_new(rq->view, "next",
		    json_sprintf("%s/staff/outbox?%s%s%sbefore=%lld", base(rq),
		        state < 0 ? "" : "state=",
		        state < 0 ? "" : notice_state_name((enum notice_state)state),
		        state < 0 ? "" : "&", (long long)list[PAGE - 1].id));
	return 0;
}

/* --- one mail --- */

/* What a mail is about, in words and with a link for whoever may follow it: the receipt number, as
 * long as the mail's values are kept. Modules name their subjects in notice.about.<kind>. */
static void put_about(struct request *rq, const struct notice *n, json_t *view)
{
	static const struct {
		const char *kind, *perm, *href;
	} pages[] = {{"application", "application.read", "/staff/applications"},
	    {"disposal", "application.dispose", "/staff/records/disposals"}};
	struct str rest = str_from(n->about), kind;
	if (!str_cut(&rest, ':', &kind))
		return;
	const char *key = arena_printf(rq->arena, "notice.about.%.*s", STR_ARG(kind)),
	           *word = i18n_find(rq->city->i18n, rq->lang, key),
	           *number = json_string_value(json_object_get(n->view, "receipt_number"));
	if (word)
		json_object_set_new(view, "about_text",
		    json_sprintf("%s %.*s", word, number ? (int)strlen(number) : (int)rest.n,
		        number ? number : rest.p));
	for (size_t i = 0; i < COUNT(pages); i++)
		if (str_is(kind, pages[i].kind) && rq_allows(rq, pages[i].perm))
			json_object_set_new(view, "about_href",
			    json_sprintf("%s%s/%.*s", base(rq), pages[i].href, STR_ARG(rest)));
}

static int get(struct request *rq, struct notice **n, struct err *err)
{
	struct db *db = rq_db(rq, err);
	int64_t id = rq_param_i64(rq, "id");
	int rc = db ? notice_get(db, rq->arena, id, n, err) : -(int)ERR_STORE;
	return rc == 0  ? err_set(err, ERR_MISSING, NULL, "notice %lld", (long long)id)
	       : rc < 0 ? rc
	                : 0;
}

/* The application that a mail is about; 0: none. */
static int64_t application_of(const char *about)
{
	static const char prefix[] = "application:";
	int64_t id = 0;
	if (about && strncmp(about, prefix, sizeof(prefix) - 1) == 0)
		(void)str_to_i64(
		    str_from(about + sizeof(prefix) - 1), 1, INT64_MAX, &id); /* else 0 */
	return id;
}

int outbox_one(struct request *rq, struct err *err)
{
	struct notice *n;
	char *title, *body;
	struct err why = {0};
	int rc = get(rq, &n, err);
	if (rc < 0)
		return rc;
	json_t *view = notice_view(rq, n);
	json_object_set_new(rq->view, "notice", view);
	bool masked = hidden(rq, n);
	if (!masked)
		put_about(rq, n, view);
	/* In a demo without a mail server the outbox is where people find their links. */
	bool open = rq->city->demo && n->state == NOTICE_HELD;
	if (!masked && n->view &&
	    notice_compose(rq->city, rq->arena, n, !open, &title, &body, &why) == 0) {
		json_object_set_new(view, "title", json_string(title));
		json_object_set_new(view, "body", json_string(body));
		json_object_set_new(view, "lang", json_string(n->lang));
	} else if (!masked && n->view) {
		json_object_set_new(view, "error", json_string(why.detail));
	}
	json_object_set_new(view, "can_send", json_boolean(n->view && n->state != NOTICE_QUEUED));
	json_object_set_new(view, "can_discard",
	    json_boolean(n->state != NOTICE_DONE && n->state != NOTICE_DISCARDED));
	rq_crumb(rq, rq_tr(rq, "notice.outbox.title"),
	    arena_printf(rq->arena, "%s/staff/outbox", base(rq)));
	return reading_note(rq,
	    &(struct reading){.kind = TRAIL_MAIL,
	        .application = application_of(n->about),
	        .subject = arena_printf(rq->arena, "notice:%lld", (long long)n->id)},
	    err);
}

static int change(struct request *rq, struct db *db,
    int (*fn)(struct db *, int64_t, const char *, struct err *), const char *flash, struct err *err)
{
	int64_t id = rq_param_i64(rq, "id");
	int rc = fn(db, id, rq->actor.id, err);
	if (rc < 0)
		return rc;
	rq_flash(rq, "success", flash, NULL);
	return rq_redirect(rq, "/staff/outbox/%lld", (long long)id);
}

static int send_write(struct request *rq, struct db *db, struct err *err)
{
	return change(rq, db, notice_requeue, "notice.outbox.requeued", err);
}

static int discard_write(struct request *rq, struct db *db, struct err *err)
{
	return change(rq, db, notice_discard, "notice.outbox.discarded", err);
}

int outbox_send(struct request *rq, struct err *err)
{
	struct notice *n;
	int rc = get(rq, &n, err);
	return rc < 0 ? rc : rq_write(rq, send_write);
}

int outbox_discard(struct request *rq, struct err *err)
{
	struct notice *n;
	int rc = get(rq, &n, err);
	return rc < 0 ? rc : rq_write(rq, discard_write);
}
