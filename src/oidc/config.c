#include "oidc/config.h"

#include <stdlib.h>
#include <strings.h>

#include "base/file.h"
#include "base/log.h"
#include "oidc/private.h"

/* What may stand in the file: one row for each name, read in this order. */
enum kind { TEXT, LONG, YES_NO, TEXTS, LABEL, LEVELS, URL, URLS, FILE_NAME, JSON_TEXT };
struct key {
	const char *name;
	enum kind kind;
	bool required;
	const char *choice; /* "a|b": of a text, and of each text of a list */
};

static const struct key provider_keys[] = {
    {"name", TEXT, true},
    {"profile", TEXT, false, "generic|digital-auth|gbizid"},
    {"label", LABEL, true},
    {"issuer", URL, true},
    {"client-id", TEXT, true},
    {"client-auth", TEXT, false, "private_key_jwt|client_secret_basic|client_secret_post"},
    {"client-secret", LONG, false},
    {"client-secret-file", FILE_NAME, false},
    {"scopes", TEXTS, false},
    {"algorithms", TEXTS, false, "RS256|RS384|RS512|PS256|PS384|PS512|ES256|ES384|ES512"},
    {"assertion-algorithm", TEXT, false, "ES256|RS256|PS256"},
    {"acr", LEVELS, false},
    {"acr-values", TEXTS, false},
    {"endpoints", LEVELS, false},
    {"ca", FILE_NAME, false},
    {"private-addresses", YES_NO, false},
    {"for", TEXT, false, "residents|staff|everybody"},
};

static const struct key client_keys[] = {
    {"id", TEXT, true},
    {"label", LABEL, true},
    {"secret-sha256", TEXT, false},
    {"keys", JSON_TEXT, false},
    {"redirect-uris", URLS, true},
    {"after-logout", URLS, false},
    {"back-channel-logout", URL, false},
    {"scopes", TEXTS, false, "openid|profile|email|staff"},
    {"algorithm", TEXT, false, "RS256|ES256|PS256"},
    {"subject", TEXT, false, "public|pairwise"},
    {"for", TEXT, false, "residents|staff|everybody"},
    {"trusted", YES_NO, false},
    {"private-addresses", YES_NO, false},
};

static const char *const endpoint_names[] = {
    "authorization", "token", "userinfo", "jwks", "end-session", "delegation", NULL};

struct reading {
	struct arena *arena;
	const char *dir;
	json_t *lines;
	const char *at; /* "providers[0]" */
	void (*say)(void *, int64_t, const char *);
	void *arg;
	int problems;
};

/* Where the entry begins: the first line of what stands in it. */
static int64_t line_of(const struct reading *r)
{
	const char *name;
	json_t *line;
	int64_t first = json_i64(r->lines, r->at, 0);
	size_t n = strlen(r->at);
	json_object_foreach(r->lines, name, line)
	{
		int64_t here = json_integer_value(line);
		if (strncmp(name, r->at, n) == 0 && name[n] == '.' && (!first || here < first))
			first = here;
	}
	return first ? first : 1;
}

static void problem(struct reading *r, const char *name, const char *text)
{
	const char *path =
	    name ? arena_printf(r->arena, "%s.%s", r->at, name) : arena_strdup(r->arena, r->at);
	int64_t line = json_i64(r->lines, path, 0);
	if (!line)
		line = line_of(r);
	r->say(r->arg, line, arena_printf(r->arena, "%s: %s", path, text));
	r->problems++;
}

bool url_is_plain(const char *url, bool private_addresses)
{
	static const char *const here[] = {"http://127.0.0.1", "http://localhost", "http://[::1]"};
	size_t scheme = strncmp(url, "https://", 8) == 0 ? 8 : 0;
	for (size_t i = 0; private_addresses && i < COUNT(here); i++) {
		size_t n = strlen(here[i]);
		if (strncmp(url, here[i], n) == 0 && (url[n] == ':' || url[n] == '/' || !url[n]))
			scheme = 7;
	}
	if (!scheme || !url[scheme] || strchr(":/?", url[scheme]) || strlen(url) > 1000)
		return false;
	size_t host = strcspn(url + scheme, "/?");
	if (memchr(url + scheme, '@', host))
		return false;
	for (const unsigned char *c = (const unsigned char *)url; *c; c++)
		if (*c <= 0x20 || *c >= 0x7f || strchr("\"<>\\^`{|}#*", *c))
			return false;
	return true;
}

static bool is_choice(const char *choices, const char *value)
{
	struct str rest = str_from(choices), one;
	while (str_cut(&rest, '|', &one))
		if (str_is(one, value))
			return true;
	return false;
}

static const char *wanted(const struct reading *r, const char *choices)
{
	return arena_printf(r->arena, "one of %s is wanted", choices);
}

static void check_texts(struct reading *r, const struct key *k, const json_t *v, bool hidden)
{
	size_t i;
	json_t *one;
	if (!json_is_array(v) || json_array_size(v) == 0 || json_array_size(v) > CLIENT_URIS_MAX) {
		problem(r, k->name, "a list of one to ten is wanted");
		return;
	}
	json_array_foreach(v, i, one)
	{
		const char *text = json_string_value(one);
		if (!text || (k->kind == URLS && !url_is_plain(text, hidden)))
			problem(r, k->name, "an https address without a fragment is wanted");
		else if (k->choice && !is_choice(k->choice, text))
			problem(r, k->name, wanted(r, k->choice));
		else if (k->kind == TEXTS && strpbrk(text, " \""))
			problem(r, k->name, "a word for each is wanted");
	}
}

static void check_map(struct reading *r, const struct key *k, json_t *v, bool hidden)
{
	const char *name;
	json_t *one;
	if (!json_is_object(v)) {
		problem(r, k->name, "names with values are wanted");
		return;
	}
	json_object_foreach(v, name, one)
	{
		const char *text = json_string_value(one);
		int64_t level;
		bool known = false;
		if (k->kind == LEVELS && strcmp(k->name, "acr") == 0) {
			if (text && str_to_i64(str_from(text), 1, 3, &level))
				json_object_set_new(v, name, json_integer(level));
			else
				problem(r, k->name, "a level from 1 to 3 is wanted for each");
			continue;
		}
		for (int i = 0; k->kind == LEVELS && endpoint_names[i]; i++)
			known = known || text_eq(endpoint_names[i], name);
		if (k->kind == LABEL)
			known = text_eq(name, "ja") || text_eq(name, "en");
		if (!known)
			problem(r, k->name,
			    arena_printf(r->arena, "\"%.40s\" is not known here", name));
		else if (!text || !text[0] || (k->kind == LEVELS && !url_is_plain(text, hidden)))
			problem(r, k->name,
			    arena_printf(r->arena, "%s: %s is wanted", name,
			        k->kind == LABEL ? "a text" : "an https address"));
	}
	if (k->kind == LABEL && !json_text(v, "ja"))
		problem(r, k->name, "a text in Japanese (ja) is wanted");
}

static void check_key(struct reading *r, const struct key *k, json_t *entry)
{
	json_t *v = json_object_get(entry, k->name);
	const char *text = json_string_value(v);
	bool hidden = json_on(entry, "private-addresses");
	struct jose_keys *keys;
	if (!v) {
		if (k->required)
			problem(r, NULL, arena_printf(r->arena, "%s is missing", k->name));
		return;
	}
	switch (k->kind) {
	case YES_NO:
		if (!json_is_boolean(v))
			problem(r, k->name, "true or false is wanted");
		break;
	case TEXTS:
	case URLS:
		check_texts(r, k, v, hidden);
		break;
	case LABEL:
	case LEVELS:
		check_map(r, k, v, hidden);
		break;
	case URL:
		if (!text || !url_is_plain(text, hidden))
			problem(r, k->name, "an https address is wanted");
		break;
	case JSON_TEXT:
		if (!text || jose_keys_parse(r->arena, str_from(text), &keys, NULL) < 0 ||
		    !jose_keys_count(keys))
			problem(r, k->name, "a JWK set with a signing key, as a text, is wanted");
		break;
	case TEXT:
	case LONG:
	case FILE_NAME:
		if (!text || !text[0] || (k->kind == TEXT && strlen(text) > 255))
			problem(r, k->name, "a text is wanted");
		else if (k->choice && !is_choice(k->choice, text))
			problem(r, k->name, wanted(r, k->choice));
		break;
	}
}

static void check_entry(struct reading *r, const struct key *keys, size_t n, json_t *entry)
{
	const char *name;
	json_t *v;
	if (!json_is_object(entry)) {
		problem(r, NULL, "names with values are wanted");
		return;
	}
	json_object_foreach(entry, name, v)
	{
		bool known = false;
		for (size_t i = 0; i < n; i++)
			known = known || text_eq(keys[i].name, name);
		if (!known)
			problem(r, name, "is not known here");
	}
	for (size_t i = 0; i < n; i++)
		check_key(r, &keys[i], entry);
}

static bool is_word(const char *name)
{
	return name && name[0] && strlen(name) <= PROVIDER_NAME_MAX &&
	       strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-") == strlen(name);
}

/* "a", "b" as "a b" */
static const char *joined(struct arena *a, const json_t *texts, const char *fallback)
{
	struct buf b;
	size_t i;
	json_t *one;
	if (!json_array_size(texts))
		return fallback;
	buf_init(&b, a);
	json_array_foreach(texts, i, one)
	{
		buf_printf(&b, "%s%s", i ? " " : "", json_string_value(one));
	}
	return b.p;
}

static const char *path_of(struct reading *r, const char *file)
{
	return !file || file[0] == '/' ? file : arena_printf(r->arena, "%s/%s", r->dir, file);
}

static const char *secret_of(struct reading *r, json_t *entry)
{
	const char *text = json_text(entry, "client-secret"),
	           *file = json_text(entry, "client-secret-file");
	struct str read;
	if (text || !file)
		return text;
	if (file_read(r->arena, path_of(r, file), &read, NULL) < 0) {
		problem(r, "client-secret-file", "cannot be read");
		return NULL;
	}
	return str_dup(r->arena, str_trim(read));
}

static unsigned algs_of(const json_t *names, unsigned fallback)
{
	unsigned algs = 0;
	size_t i;
	json_t *one;
	json_array_foreach(names, i, one)
	{
		algs |= JOSE_BIT(jose_alg_find(json_string_value(one)));
	}
	return algs ? algs : fallback;
}

static void put_audience(json_t *entry, const char *fallback, bool *residents, bool *staff)
{
	const char *whom = json_text_or(entry, "for", fallback);
	*residents = !text_eq(whom, "staff");
	*staff = !text_eq(whom, "residents");
}

static void take_provider(struct reading *r, json_t *e, struct config *c)
{
	static const char *const auths[] = {
	    "private_key_jwt", "client_secret_basic", "client_secret_post"};
	struct provider *p = &c->provider[c->nproviders];
	p->profile = profile_find(json_text_or(e, "profile", "generic"));
	p->name = json_text(e, "name");
	if (!is_word(p->name))
		problem(r, "name", "small letters, digits and hyphens are wanted");
	for (size_t i = 0; i < c->nproviders; i++) {
		if (text_eq(c->provider[i].name, p->name))
			problem(r, "name", "there is another one of this name");
		if (text_eq(c->provider[i].issuer, json_text(e, "issuer")))
			problem(r, "issuer", "there is another one of this issuer");
	}
	p->auth = p->profile->auth;
	for (int i = 0; i < AUTH_COUNT; i++)
		if (text_eq(json_text(e, "client-auth"), auths[i]))
			p->auth = (enum client_auth)i;
	p->secret = secret_of(r, e);
	if ((p->auth == AUTH_PRIVATE_KEY) != !p->secret)
		problem(r, NULL,
		    p->secret ? "client-secret has no use with private_key_jwt"
		              : "client-secret or client-secret-file is missing");
	p->label_ja = json_path_text(e, "label.ja");
	p->label_en = json_path_text(e, "label.en");
	p->issuer = json_text(e, "issuer");
	p->client = json_text(e, "client-id");
	p->scopes = joined(r->arena, json_object_get(e, "scopes"), p->profile->scopes);
	p->acr_values = joined(r->arena, json_object_get(e, "acr-values"), p->profile->acr_values);
	p->acr = json_object_get(e, "acr");
	p->endpoints = json_object_get(e, "endpoints");
	for (int i = 0; p->endpoints && i < 4; i++)
		if (!json_text(p->endpoints, endpoint_names[i]) && i != 2)
			problem(r, "endpoints",
			    arena_printf(r->arena, "%s is missing", endpoint_names[i]));
	p->algs = algs_of(json_object_get(e, "algorithms"), p->profile->algs);
	p->assertion_alg =
	    (enum jose_alg)jose_alg_find(json_text_or(e, "assertion-algorithm", "ES256"));
	p->ca = path_of(r, json_text(e, "ca"));
	p->private_addresses = json_on(e, "private-addresses");
	put_audience(e, "residents", &p->residents, &p->staff);
	if (!strstr(arena_printf(r->arena, " %s ", p->scopes), " openid "))
		problem(r, "scopes", "openid must be among them");
	c->nproviders++;
}

static void take_uris(const json_t *list, const char *out[CLIENT_URIS_MAX])
{
	for (size_t i = 0; i < json_array_size(list) && i < CLIENT_URIS_MAX; i++)
		out[i] = json_string_value(json_array_get(list, i));
}

void client_take(struct arena *a, json_t *e, struct client *c)
{
	*c = (struct client){.id = json_text(e, "id"),
	    .label_ja = json_path_text(e, "label.ja"),
	    .label_en = json_path_text(e, "label.en"),
	    .secret_hash = json_text(e, "secret-sha256"),
	    .keys = json_text(e, "keys"),
	    .backchannel = json_text(e, "back-channel-logout"),
	    .scopes = joined(a, json_object_get(e, "scopes"), "openid profile email staff"),
	    .alg = (enum jose_alg)jose_alg_find(json_text_or(e, "algorithm", "RS256")),
	    .pairwise = !text_eq(json_text(e, "subject"), "public"),
	    .trusted = json_on(e, "trusted"),
	    .private_addresses = json_on(e, "private-addresses")};
	take_uris(json_object_get(e, "redirect-uris"), c->redirect);
	take_uris(json_object_get(e, "after-logout"), c->after_logout);
	put_audience(e, "staff", &c->residents, &c->staff);
}

static void check_client(struct reading *r, json_t *e)
{
	const char *hash = json_text(e, "secret-sha256");
	check_entry(r, client_keys, COUNT(client_keys), e);
	if (!is_word(json_text(e, "id")))
		problem(r, "id", "small letters, digits and hyphens are wanted");
	if (!hash == !json_text(e, "keys"))
		problem(r, NULL, "either secret-sha256 or keys is wanted");
	if (hash && (strlen(hash) != 64 || strspn(hash, "0123456789abcdef") != 64))
		problem(r, "secret-sha256", "64 hexadecimal digits are wanted");
}

static void take_client(struct reading *r, json_t *e, struct config *c)
{
	client_take(r->arena, e, &c->client[c->nclients]);
	for (size_t i = 0; i < c->nclients; i++)
		if (text_eq(c->client[i].id, json_text(e, "id")))
			problem(r, "id", "there is another one of this name");
	c->nclients++;
}

int client_check(struct arena *a, json_t *e, void (*say)(void *, int64_t, const char *), void *arg)
{
	struct reading r = {
	    .arena = a, .dir = "", .lines = NULL, .at = "client", .say = say, .arg = arg};
	check_client(&r, e);
	return r.problems;
}

static void read_list(struct reading *r, json_t *file, const char *name, struct config *c,
    const struct key *keys, size_t nkeys, void (*take)(struct reading *, json_t *, struct config *))
{
	json_t *list = json_object_get(file, name), *e;
	size_t i;
	r->at = name;
	if (list && !json_is_array(list))
		problem(r, NULL, "a list is wanted");
	json_array_foreach(list, i, e)
	{
		int before = r->problems;
		r->at = arena_printf(r->arena, "%s[%zu]", name, i);
		if (keys)
			check_entry(r, keys, nkeys, e);
		else
			check_client(r, e);
		if (r->problems == before)
			take(r, e, c);
	}
}

int config_read(struct config *c, const char *dir, struct str text,
    void (*say)(void *, int64_t, const char *), void *arg)
{
	struct arena *a = c->arena;
	struct reading r = {.arena = a, .dir = dir, .say = say, .arg = arg};
	struct err err = {0};
	json_t *file = NULL, *v;
	const char *name;
	r.lines = json_on_arena(a, json_object());
	if (yaml_json(text, "sign-in.yaml", &file, r.lines, &err) < 0) {
		const char *colon = strchr(err.detail, ':');
		say(arg, colon ? strtol(colon + 1, NULL, 10) : 1, err.detail);
		return 1;
	}
	(void)json_on_arena(a, file);
	r.at = "";
	json_object_foreach(file, name, v)
	{
		r.at = name;
		if (!text_eq(name, "providers") && !text_eq(name, "clients"))
			problem(&r, NULL, "is not known here (providers, clients)");
	}
	size_t np = json_array_size(json_object_get(file, "providers")),
	       nc = json_array_size(json_object_get(file, "clients"));
	c->provider = arena_array(a, np + 1, sizeof(*c->provider));
	c->client = arena_array(a, nc + 1, sizeof(*c->client));
	read_list(&r, file, "providers", c, provider_keys, COUNT(provider_keys), take_provider);
	read_list(&r, file, "clients", c, NULL, 0, take_client);
	return r.problems;
}

/* --- of a city --- */

struct oidc_city {
	pthread_mutex_t lock;
	struct config *config;
};

static void config_free(struct config *c)
{
	for (size_t i = 0; c && i < c->nproviders; i++) {
		struct remote *r = c->provider[i].remote;
		if (!r)
			continue;
		(void)pthread_mutex_destroy(&r->lock);
		free(r->metadata);
		free(r->keys);
		free(r);
	}
	if (c)
		arena_free(c->arena);
	free(c);
}

struct saying {
	FILE *out;
	const char *path;
	struct err *err;
};

static void say_err(void *arg, int64_t line, const char *text)
{
	struct saying *s = arg;
	if (s->out)
		(void)fprintf(s->out, "%s:%lld: %s\n", s->path, (long long)line, text);
	else if (!s->err->kind)
		(void)err_set(
		    s->err, ERR_INPUT, NULL, "%s:%lld: %s", s->path, (long long)line, text);
}

static struct config *config_new(void)
{
	struct config *c = calloc(1, sizeof(*c));
	if (!c)
		abort();
	c->arena = arena_new();
	return c;
}

/* Problems, or -1 when the file cannot be read. */
static int read_file(struct config *c, const char *dir, struct saying *s, struct err *err)
{
	struct str text;
	s->path = arena_printf(c->arena, "%s/sign-in.yaml", dir);
	int rc = file_read(c->arena, s->path, &text, err);
	if (rc < 0)
		return rc == -(int)ERR_MISSING ? 0 : -1;
	return config_read(c, dir, text, say_err, s);
}

int oidc_check_city(const char *dir, FILE *out)
{
	struct config *c = config_new();
	struct err err = {0};
	struct saying s = {.out = out};
	int n = read_file(c, dir, &s, &err);
	if (n < 0)
		(void)fprintf(out, "%s\n", err.detail);
	config_free(c);
	return n < 0 ? 1 : n;
}

int config_open(struct city *city, struct err *err)
{
	struct config *c = config_new();
	struct err problem = {0};
	struct saying s = {.err = &problem};
	struct oidc_city *o = city->slot[OIDC_SLOT];
	int n = read_file(c, city->dir, &s, err);
	if (n != 0) {
		if (n > 0)
			*err = problem;
		config_free(c);
		return -(int)err->kind;
	}
	for (size_t i = 0; i < c->nproviders; i++) {
		struct remote *r = c->provider[i].remote = calloc(1, sizeof(*r));
		if (!r)
			abort();
		(void)pthread_mutex_init(&r->lock, NULL);
	}
	if (!o) {
		o = calloc(1, sizeof(*o));
		if (!o)
			abort();
		(void)pthread_mutex_init(&o->lock, NULL);
		city->slot[OIDC_SLOT] = o;
	}
	(void)pthread_mutex_lock(&o->lock);
	c->older = o->config;
	o->config = c;
	(void)pthread_mutex_unlock(&o->lock);
	return 0;
}

void config_close(struct city *city)
{
	struct oidc_city *o = city->slot[OIDC_SLOT];
	while (o && o->config) {
		struct config *c = o->config;
		o->config = c->older;
		config_free(c);
	}
	if (o)
		(void)pthread_mutex_destroy(&o->lock);
	free(o);
	city->slot[OIDC_SLOT] = NULL;
}

const struct config *config_of(const struct city *city)
{
	static const struct config none; /* of a city that was not opened: in unit tests */
	struct oidc_city *o = city->slot[OIDC_SLOT];
	if (!o)
		return &none;
	(void)pthread_mutex_lock(&o->lock);
	const struct config *c = o->config;
	(void)pthread_mutex_unlock(&o->lock);
	return c;
}

const struct provider *provider_find(const struct city *city, const char *name)
{
	const struct config *c = config_of(city);
	for (size_t i = 0; i < c->nproviders; i++)
		if (text_eq(c->provider[i].name, name))
			return &c->provider[i];
	return NULL;
}

const char *provider_label(const struct provider *p, const char *lang)
{
	return text_eq(lang, "en") && p->label_en ? p->label_en : p->label_ja;
}
