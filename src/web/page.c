/* HTML pages, error pages, and problem documents (RFC 9457). */
#include <string.h>

#include "base/log.h"
#include "web/private.h"

int page_render(struct request *rq, struct buf *out, struct err *err)
{
	struct templates *t = __atomic_load_n(&rq->city->templates, __ATOMIC_ACQUIRE);
	json_t *frame = globals_set(rq);
	int rc = template_render_in(t, rq->template, rq->lang, frame, rq->view, out, err);
	json_decref(frame);
	return rc;
}

static const char *error_title(struct request *rq, enum err_kind kind)
{
	return rq_tr(rq, arena_printf(rq->arena, "web.error.%d.title", err_http_status(kind)));
}

/* What a person reads about an error; a message may have a title of its own. */
static const char *page_title(struct request *rq, const struct err *err)
{
	const char *key = err->msg ? arena_printf(rq->arena, "%s.title", err->msg) : NULL;
	const char *own = key ? i18n_find(city_texts(rq->city), rq->lang, key) : NULL;
	return own ? own : error_title(rq, err->kind);
}

static const char *error_text(struct request *rq, const struct err *err)
{
	if (err->msg)
		return i18n_format(
		    city_texts(rq->city), rq->arena, rq->lang, err->msg, rq->p->error_args);
	return rq_tr(rq, arena_printf(rq->arena, "web.error.%d.text", err_http_status(err->kind)));
}

static const char *error_template(int status, const struct err *err)
{
	/* Pages that say more than a sentence, where there is nothing special to be said. */
	if (err->msg)
		return "web/error";
	switch (status) {
	case 401:
		return "web/error-401";
	case 403:
		return "web/error-403";
	case 404:
		return "web/error-404";
	case 429:
		return "web/error-429";
	case 500:
		return "web/error-500";
	case 503:
		return "web/error-503";
	default:
		return "web/error";
	}
}

void page_error(struct request *rq, const struct err *err)
{
	rq->status = err_http_status(err->kind);
	rq->template = error_template(rq->status, err);
	/* The handler's half-made view is no part of the error page. */
	json_object_clear(rq->view);
	json_object_set_new_nocheck(rq->view, "error",
	    json_pack("{s:i,s:s,s:s}", "status", rq->status, "title", page_title(rq, err), "text",
	        error_text(rq, err)));
	/* What was sent stood on a page: it is opened anew, with what is true now. */
	struct str from = rq->method == HTTP_POST ? referring_path(rq) : (struct str){NULL, 0};
	const char *back = from.n ? str_dup(rq->arena, from) : NULL;
	if (back && path_is_local(back))
		json_object_set_new_nocheck(rq->view, "back_href", json_string(back));
	else if (rq->method == HTTP_GET)
		json_object_set_new_nocheck(rq->view, "again_href",
		    json_string(arena_printf(rq->arena, "%s%s", rq->p->base, rq->url)));
	if (rq->p->id[0])
		json_object_set_new_nocheck(rq->view, "request_id", json_string(rq->p->id));
}

static json_t *errors_of(struct request *rq, const struct err *err)
{
	if (!err || err->kind == ERR_NONE) {
		json_t *list = json_array(), *one;
		size_t i;
		json_array_foreach(rq->p->problems, i, one) json_array_append_new(list,
		    json_pack("{s:O,s:O,s:O}", "field", json_object_get(one, "field"), "detail",
		        json_object_get(one, "text"), "code", json_object_get(one, "code")));
		return list;
	}
	if (!err->field[0])
		return NULL;
	return json_pack("[{s:s,s:s,s:s}]", "field", err->field, "detail", error_text(rq, err),
	    "code", err->msg ? err->msg : err_kind_name(err->kind));
}

json_t *problem_document(struct request *rq, const struct err *err)
{
	/* Problems of the page: mistakes in what was sent, or what kept it from being done. */
	struct err page = {.kind = err_of_http_status(rq->status)};
	const struct err *e = err ? err : &page;
	json_t *doc = json_object();
	json_object_set_new_nocheck(
	    doc, "type", json_sprintf("urn:machi:problem:%s", err_kind_name(e->kind)));
	json_object_set_new_nocheck(doc, "title", json_string(error_title(rq, e->kind)));
	json_object_set_new_nocheck(doc, "status", json_integer(err_http_status(e->kind)));
	json_object_set_new_nocheck(doc, "detail", json_string(error_text(rq, e)));
	json_object_set_new_nocheck(doc, "instance", json_string(rq->path));
	if (e->msg)
		json_object_set_new_nocheck(doc, "code", json_string(e->msg));
	if (rq->p->id[0])
		json_object_set_new_nocheck(doc, "request_id", json_string(rq->p->id));
	json_object_update_missing(doc, rq->p->problem_members);
	json_t *errors = errors_of(rq, err);
	if (errors)
		json_object_set_new_nocheck(doc, "errors", errors);
	return doc;
}
