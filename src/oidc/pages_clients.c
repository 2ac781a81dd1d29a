/* /staff/systems: the systems that sign people in through machi. */
#include <string.h>

#include "oidc/provider.h"

static const struct form_field_spec fields[] = {
    {"id", "oidc.client.id", "oidc.client.id_help", "is_text", NULL, true, PROVIDER_NAME_MAX},
    {"label_ja", "oidc.client.label_ja", NULL, "is_text", NULL, true, 60},
    {"label_en", "oidc.client.label_en", NULL, "is_text", NULL, false, 80},
    {"redirect-uris", "oidc.client.redirect", "oidc.client.redirect_help", "is_text", NULL, true,
        4000},
    {"after-logout", "oidc.client.after", "oidc.client.redirect_help", "is_text", NULL, false,
        4000},
    {"back-channel-logout", "oidc.client.back", "oidc.client.back_help", "is_text", NULL, false,
        1000},
    {"keys", "oidc.client.keys", "oidc.client.keys_help", "is_text", NULL, false, 20000},
};

/* What is chosen, and its texts: oidc.client.<name>, oidc.client.<name>.<value>. */
static const struct choice {
	const char *name, *type;
	const char *values[5]; /* the first is the usual one */
} choices[] = {
    {"for", "is_choice", {"staff", "residents", "everybody"}},
    {"scopes", "is_multi_choice", {"profile", "email", "staff"}},
    {"subject", "is_choice", {"pairwise", "public"}},
    {"algorithm", "is_choice", {"RS256", "ES256", "PS256"}},
    {"more", "is_multi_choice", {"trusted", "private-addresses"}},
};

static bool is_lines(const char *name)
{
	return text_eq(name, "redirect-uris") || text_eq(name, "after-logout");
}

static const char *text_of(struct request *rq, const json_t *known, const char *name)
{
	struct buf b;
	size_t i;
	json_t *one;
	if (rq->method == HTTP_POST)
		return form_value(rq, name);
	if (strncmp(name, "label_", 6) == 0)
		return json_text_or(json_object_get(known, "label"), name + 6, "");
	if (!is_lines(name))
		return json_text_or(known, name, "");
	buf_init(&b, rq->arena);
	buf_puts(&b, "");
	json_array_foreach(json_object_get(known, name), i, one)
	{
		buf_printf(&b, "%s\n", json_string_value(one));
	}
	return b.p;
}

static bool is_chosen(struct request *rq, const json_t *known, const struct choice *c, int at)
{
	const char *const *sent;
	size_t i;
	json_t *one;
	if (rq->method == HTTP_POST) {
		int n = rq_form_all(rq, c->name, &sent);
		for (int k = 0; k < n; k++)
			if (text_eq(sent[k], c->values[at]))
				return true;
		return false;
	}
	if (!known) /* a new one */
		return text_eq(c->type, "is_choice") ? at == 0 : text_eq(c->name, "scopes");
	if (text_eq(c->name, "more"))
		return json_on(known, c->values[at]);
	if (text_eq(c->type, "is_choice"))
		return text_eq(json_text_or(known, c->name, c->values[0]), c->values[at]);
	json_array_foreach(json_object_get(known, c->name), i, one)
	{
		if (text_eq(json_string_value(one), c->values[at]))
			return true;
	}
	return false;
}

static void client_form(struct request *rq, const json_t *known, const char *action)
{
	rq_crumb(rq, rq_tr(rq, "oidc.clients.title"), "/staff/systems");
	page_title(rq, known ? "oidc.client.edit_title" : "oidc.client.new_title");
	json_t *form = page_form(rq, action, "oidc.client.save");
	for (size_t i = 0; i < COUNT(fields); i++) {
		if (known && i == 0)
			continue; /* the name stays */
		json_t *field = form_field(
		    rq, form, &fields[i], json_string(text_of(rq, known, fields[i].name)));
		if (is_lines(fields[i].name) || text_eq(fields[i].name, "keys"))
			json_object_set_new(field, "multiline", json_true());
	}
	for (size_t i = 0; i < COUNT(choices); i++) {
		const struct choice *c = &choices[i];
		struct form_field_spec spec = {c->name,
		    arena_printf(rq->arena, "oidc.client.%s", c->name), NULL, c->type, NULL,
		    text_eq(c->type, "is_choice"), 0};
		json_t *field = form_field(rq, form, &spec, NULL);
		for (int k = 0; k < 5 && c->values[k]; k++)
			form_option(field, c->values[k],
			    rq_tr(rq, arena_printf(
			                  rq->arena, "oidc.client.%s.%s", c->name, c->values[k])),
			    is_chosen(rq, known, c, k));
	}
}

/* --- what was sent --- */

static void put(json_t *e, const char *name, const char *value)
{
	if (value[0])
		json_object_set_new(e, name, json_string(value));
}

static json_t *lines_of(struct request *rq, const char *name)
{
	json_t *list = json_array();
	struct str rest = str_from(form_value(rq, name)), line;
	while (str_cut(&rest, '\n', &line)) {
		line = str_trim(line);
		if (line.n)
			json_array_append_new(list, json_stringn(line.p, line.n));
	}
	return list;
}

/* The object as sign-in.yaml has it; id NULL: as typed. */
static json_t *sent_client(struct request *rq, const char *id, const char *secret_hash)
{
	json_t *e = json_on_arena(rq->arena, json_object()), *label = json_object(),
	       *scopes = json_pack("[s]", "openid");
	put(e, "id", id ? id : form_value(rq, "id"));
	put(label, "ja", form_value(rq, "label_ja"));
	put(label, "en", form_value(rq, "label_en"));
	json_object_set_new(e, "label", label);
	for (size_t i = 0; i < COUNT(fields); i++) {
		json_t *list = is_lines(fields[i].name) ? lines_of(rq, fields[i].name) : NULL;
		if (list && json_array_size(list))
			json_object_set(e, fields[i].name, list);
		json_decref(list);
	}
	put(e, "back-channel-logout", form_value(rq, "back-channel-logout"));
	put(e, "keys", form_value(rq, "keys"));
	if (!json_object_get(e, "keys"))
		put(e, "secret-sha256", secret_hash);
	for (size_t i = 0; i < COUNT(choices); i++)
		for (int k = 0; k < 5 && choices[i].values[k]; k++) {
			const char *value = choices[i].values[k];
			if (!is_chosen(rq, NULL, &choices[i], k))
				continue;
			if (text_eq(choices[i].name, "scopes"))
				json_array_append_new(scopes, json_string(value));
			else if (text_eq(choices[i].name, "more"))
				json_object_set_new(e, value, json_true());
			else
				put(e, choices[i].name, value);
		}
	json_object_set_new(e, "scopes", scopes);
	return e;
}

/* "client.redirect-uris: …", "client: label is missing": at its field. */
static void say_field(void *arg, int64_t line, const char *text)
{
	static const struct {
		const char *key, *field, *problem;
	} places[] = {
	    {"id", "id", "oidc.client.problem.id"},
	    {"label", "label_ja", "oidc.client.problem.label"},
	    {"redirect-uris", "redirect-uris", "oidc.client.problem.address"},
	    {"after-logout", "after-logout", "oidc.client.problem.address"},
	    {"back-channel-logout", "back-channel-logout", "oidc.client.problem.address"},
	    {"keys", "keys", "oidc.client.problem.keys"},
	};
	struct request *rq = arg;
	(void)line;
	for (size_t i = 0; i < COUNT(places); i++) {
		const char *named = arena_printf(rq->arena, "client.%s: ", places[i].key),
		           *missing = arena_printf(rq->arena, "client: %s is ", places[i].key);
		if ((strncmp(text, named, strlen(named)) == 0 ||
		        strncmp(text, missing, strlen(missing)) == 0) &&
		    !rq_problem_at(rq, places[i].field))
			form_problem(rq, places[i].field, places[i].problem, NULL);
	}
}

struct saving {
	int64_t row; /* 0: a new one */
	json_t *data;
	const char *secret; /* to be shown, once; NULL: it keeps its own, or has a key */
};

static int client_journal(
    struct request *rq, struct db *db, const char *verb, json_t *data, struct err *err)
{
	json_t *shown = json_deep_copy(data);
	json_object_del(shown, "secret-sha256");
	struct journal_change change = {.actor = rq->actor.id,
	    .verb = verb,
	    .subject = arena_printf(rq->arena, "oidc-client:%s", json_text(data, "id")),
	    .data = shown};
	int rc = journal_add(db, &change, NULL, err);
	json_decref(shown);
	return rc;
}

static int show_secret(struct request *rq, const struct saving *s)
{
	page_secret(rq);
	page_title(rq, "oidc.secret.title");
	rq->template = "oidc/secret";
	json_object_del(rq->view, "form");
	json_object_set_new(rq->view, "client_id", json_string(json_text(s->data, "id")));
	json_object_set_new(rq->view, "secret", json_string(s->secret));
	return 0;
}

static int save(struct request *rq, struct db *db, struct err *err)
{
	struct saving *s = rq_data(rq);
	const char *text = json_canonical_text(rq->arena, s->data);
	int64_t id = s->row;
	int rc = id ? 1
	            : db_get_i64(db, err, &id, OIDC(CLIENT_ADD), "tti", json_text(s->data, "id"),
	                  text, rq->now_us);
	if (rc == 0)
		return err_field(err, ERR_CONFLICT, "id", "oidc.client.problem.taken", "taken");
	int64_t n =
	    rc > 0 && s->row ? db_run(db, err, OIDC(CLIENT_SET), "itt", id, text, "active") : rc;
	if (n < 0)
		return (int)n;
	rc = client_journal(
	    rq, db, s->row ? "oidc.client_changed" : "oidc.client_added", s->data, err);
	if (rc < 0)
		return rc;
	if (s->secret)
		return show_secret(rq, s);
	rq_flash(rq, "success", "oidc.client.saved", NULL);
	return rq_redirect(rq, "/staff/systems");
}

static int try_save(struct request *rq, int64_t row, const json_t *known)
{
	struct saving *s = arena_new_of(rq->arena, struct saving);
	const char *hash = known ? json_text(known, "secret-sha256") : NULL;
	char *fresh = arena_alloc(rq->arena, TOKEN_HASH_SIZE);
	s->row = row;
	if (!form_value(rq, "keys")[0] && (!hash || text_eq(rq_form(rq, "do"), "secret"))) {
		s->secret = random_token(rq->arena, 32);
		token_hash(s->secret, fresh);
		hash = fresh;
	}
	s->data = sent_client(rq, known ? json_text(known, "id") : NULL, hash ? hash : "");
	(void)client_check(rq->arena, s->data, say_field, rq);
	for (size_t i = 0; !known && i < config_of(rq->city)->nclients; i++)
		if (text_eq(config_of(rq->city)->client[i].id, json_text(s->data, "id")))
			form_problem(rq, "id", "oidc.client.problem.taken", NULL);
	rq_set_data(rq, s);
	return rq_has_problems(rq) ? 0 : rq_write_or(rq, save, problem_page);
}

/* --- pages --- */

int clients_get(struct request *rq, struct err *err)
{
	struct db *db = rq_db(rq, err);
	const struct config *c = config_of(rq->city);
	json_t *list = json_array();
	struct rows *r = db ? db_query(db, err, OIDC(CLIENT_ALL), "") : NULL;
	int rc = r ? 0 : -(int)ERR_STORE;
	for (size_t i = 0; i < c->nclients; i++)
		json_array_append_new(list, json_pack("{s:s, s:s}", "id", c->client[i].id, "label",
		                                client_label(&c->client[i], rq->lang)));
	while (r && (rc = rows_next(r)) > 0) {
		struct client one;
		json_t *data =
		    json_on_arena(rq->arena, json_loads(rows_dup(r, 2, rq->arena), 0, NULL));
		client_take(rq->arena, data, &one);
		json_array_append_new(
		    list, json_pack("{s:s, s:s, s:o}", "id", one.id, "label",
		              client_label(&one, rq->lang), "href",
		              json_sprintf("/staff/systems/%lld", (long long)rows_i64(r, 0))));
	}
	rows_end(r);
	page_title(rq, "oidc.clients.title");
	json_object_set_new(rq->view, "clients", list);
	json_object_set_new(rq->view, "issuer", json_string(rq->city->base_url));
	return rc;
}

int client_new(struct request *rq, struct err *err)
{
	(void)err;
	client_form(rq, NULL, "/staff/systems/new");
	return rq->method == HTTP_POST ? try_save(rq, 0, NULL) : 0;
}

static int remove_write(struct request *rq, struct db *db, struct err *err)
{
	struct saving *s = rq_data(rq);
	int64_t n = db_run(db, err, OIDC(CLIENT_SET), "itt", s->row,
	    json_canonical_text(rq->arena, s->data), "removed");
	int rc = n < 0 ? (int)n : client_journal(rq, db, "oidc.client_removed", s->data, err);
	if (rc < 0)
		return rc;
	rq_flash(rq, "success", "oidc.client.removed", NULL);
	return rq_redirect(rq, "/staff/systems");
}

int client_edit(struct request *rq, struct err *err)
{
	struct db *db = rq_db(rq, err);
	int64_t row = rq_param_i64(rq, "id");
	struct rows *r = db ? db_query(db, err, OIDC(CLIENT_BY_ID), "i", row) : NULL;
	int rc = r ? rows_next(r) : -(int)ERR_STORE;
	json_t *known =
	    rc > 0 ? json_on_arena(rq->arena, json_loads(rows_dup(r, 2, rq->arena), 0, NULL))
	           : NULL;
	rows_end(r);
	if (rc <= 0)
		return rc < 0 ? rc : err_set(err, ERR_MISSING, NULL, "client %lld", (long long)row);
	json_object_set_new(rq->view, "client_id", json_string(json_text(known, "id")));
	client_form(rq, known, arena_printf(rq->arena, "/staff/systems/%lld", (long long)row));
	json_object_set_new(rq->view, "editing", json_true());
	if (rq->method != HTTP_POST)
		return 0;
	if (!text_eq(rq_form(rq, "do"), "remove"))
		return try_save(rq, row, known);
	struct saving *s = arena_new_of(rq->arena, struct saving);
	*s = (struct saving){.row = row, .data = known};
	rq_set_data(rq, s);
	return rq_write(rq, remove_write);
}
