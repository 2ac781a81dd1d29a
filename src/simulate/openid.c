/* machi simulate digital-auth, machi simulate gbizid: an OpenID provider with the addresses, claims
 * and rules of the real service, whose people are invented. One city uses it; everything is
 * forgotten when it stops. Whoever asks chooses the person, so it must never be believed by a city
 * that serves people: its address is this machine's, which a city takes only with
 * `private-addresses`. */
#include <stdio.h>
#include <strings.h>

#include "base/fetch.h"
#include "base/json.h"
#include "base/secret.h"
#include "base/time.h"
#include "main/cli.h"
#include "oidc/id_token.h"
#include "simulate/http.h"
#include "simulate/private.h"

static const char client_id[] = "machi-simulator", client_secret[] = "SIMULATOR";
#define REALM "/api/realms/main"
#define CONNECT REALM "/protocol/openid-connect"
enum { CODES = 64, TOKEN_SECONDS = 300 };

struct person {
	const char *sub, *shown, *claims, *delegations;
};
static const struct person card_people[] = {
    {"sim-hanako", "街田 花子",
        "{\"name\":\"街田 花子\",\"birthdate\":\"19850401\",\"gender\":\"2\","
        "\"address\":\"香川県高松市番町一丁目8番15号\"}"},
    {"sim-taro", "見本 太郎",
        "{\"name\":\"見本　太郎\",\"birthdate\":\"2001-11-30\",\"gender\":\"1\","
        "\"address\":\"香川県高松市天神前1番1号\"}"},
    {"sim-part", "生年月日が欠けた人",
        "{\"name\":\"模擬 欠子\",\"birthdate\":\"19500000\",\"gender\":\"3\","
        "\"address\":\"香川県高松市番町\"}"},
};
static const struct person business_people[] = {
    {"sim-prime", "プライム（代表者）",
        "{\"account_type\":\"prime\",\"corp_number\":\"2000020132110\",\"corp_name\":\"模擬商事\","
        "\"name\":\"模擬 代表\"}"},
    {"sim-member", "メンバー（委任あり）",
        "{\"account_type\":\"member\",\"corp_number\":\"2000020132110\",\"corp_name\":\"模擬商事\","
        "\"name\":\"模擬 社員\",\"dept\":\"総務部\"}",
        "[{\"corp_number\":\"6010005017636\",\"corp_name\":\"模擬看板\",\"from\":\"2024-04-01\","
        "\"until\":\"2099-03-31\",\"services\":[\"outdoor-advertisement\"]},"
        "{\"corp_number\":\"6010005017636\",\"corp_name\":\"模擬看板\",\"until\":\"2020-03-31\"}]"},
    {"sim-member2", "メンバー（委任なし）",
        "{\"account_type\":\"member\",\"corp_number\":\"2000020132110\",\"corp_name\":\"模擬商事\","
        "\"name\":\"模擬 同僚\",\"dept\":\"営業部\"}"},
    {"sim-entry", "エントリー（審査なし）",
        "{\"account_type\":\"entry\",\"corp_name\":\"模擬商店\",\"name\":\"模擬 店主\"}"},
};

static const struct service {
	const char *name, *title;
	const struct person *people;
	size_t npeople;
	bool key; /* private_key_jwt; else a secret */
	const char *acr;
} services[] = {
    {"digital-auth", "デジタル認証アプリ", card_people, COUNT(card_people), true, "aal3"},
    {"gbizid", "GビズID", business_people, COUNT(business_people), false, "aal2"},
};

struct code {
	const char *code, *access, *nonce, *challenge, *sign; /* on the simulator's arena */
	const struct person *person;
	int64_t until_us;
	bool used;
};

struct simulator {
	const struct service *service;
	const char *city; /* its address */
	struct arena *arena;
	json_t *key; /* ES256 */
	struct code code[CODES];
	size_t next;
};

static void send(struct sim_exchange *x, int status, const char *type, const char *text)
{
	x->status = status;
	x->type = type;
	x->out = str_from(text);
}

static void send_json(struct sim_exchange *x, int status, json_t *j)
{
	send(x, status, "application/json",
	    json_canonical_text(x->arena, json_on_arena(x->arena, j)));
}

static void send_error(struct sim_exchange *x, const char *error)
{
	send_json(x, 400, json_pack("{s:s}", "error", error));
}

static const char *base_of(struct sim_exchange *x)
{
	const char *host = sim_header(x, "Host");
	return arena_printf(x->arena, "http://%s" REALM, host ? host : "127.0.0.1");
}

static const char *redirect_of(struct sim_exchange *x, const struct simulator *s)
{
	return arena_printf(x->arena, "%s/login/with/%s/callback", s->city, s->service->name);
}

/* --- the form of application/x-www-form-urlencoded --- */

static const char *form_value(struct sim_exchange *x, const char *name)
{
	struct str rest = x->body, pair, key;
	while (str_cut(&rest, '&', &pair)) {
		if (!str_cut(&pair, '=', &key) || !str_is(key, name))
			continue;
		struct buf b;
		buf_init(&b, x->arena);
		buf_puts(&b, "");
		for (size_t i = 0; i < pair.n; i++) {
			unsigned byte;
			char hex[3] = {0};
			if (pair.p[i] == '%' && i + 2 < pair.n) {
				memcpy(hex, pair.p + i + 1, 2);
				if (sscanf(hex, "%2x", &byte) == 1) {
					buf_putc(&b, (char)byte);
					i += 2;
					continue;
				}
			}
			buf_putc(&b, pair.p[i] == '+' ? ' ' : pair.p[i]);
		}
		return b.p;
	}
	return NULL;
}

/* --- the page where one says who one is --- */

static const char *const kept[] = {"state", "nonce", "code_challenge", "sign_transaction_id"};

/* NULL, or what the real service would not take. */
static const char *wrong_with(struct sim_exchange *x, const struct simulator *s)
{
	static const char *const needed[] = {"state", "nonce", "code_challenge", "scope"};
	for (size_t i = 0; i < COUNT(needed); i++)
		if (!sim_query(x, needed[i]) || strlen(sim_query(x, needed[i])) > 255)
			return needed[i];
	if (!text_eq(sim_query(x, "response_type"), "code"))
		return "response_type";
	if (!text_eq(sim_query(x, "client_id"), client_id))
		return "client_id";
	if (!text_eq(sim_query(x, "redirect_uri"), redirect_of(x, s)))
		return "redirect_uri";
	if (!text_eq(sim_query(x, "code_challenge_method"), "S256"))
		return "code_challenge_method";
	return NULL;
}

static void choose_page(struct sim_exchange *x, const struct simulator *s)
{
	struct buf b;
	const char *wrong = wrong_with(x, s);
	buf_init(&b, x->arena);
	buf_printf(&b,
	    "<!doctype html><html lang=\"ja\"><meta charset=\"utf-8\"><meta name=\"viewport\" "
	    "content=\"width=device-width\"><title>SIMULATOR</title><main><h1>SIMULATOR: %s</h1>",
	    s->service->title);
	if (wrong) {
		buf_printf(&b, "<p>%s?</p></main>", wrong);
		send(x, 400, "text/html; charset=utf-8", b.p);
		return;
	}
	buf_puts(&b, "<p>模擬の人を選んでください。本物ではありません。</p><form method=\"post\" "
	             "action=\"" CONNECT "/auth\">");
	for (size_t i = 0; i < COUNT(kept); i++) {
		if (!sim_query(x, kept[i]))
			continue;
		buf_printf(&b, "<input type=\"hidden\" name=\"%s\" value=\"", kept[i]);
		buf_html(&b, str_from(sim_query(x, kept[i])));
		buf_puts(&b, "\">");
	}
	for (size_t i = 0; i < s->service->npeople; i++)
		buf_printf(&b, "<p><button name=\"person\" value=\"%s\">%s</button></p>",
		    s->service->people[i].sub, s->service->people[i].shown);
	buf_puts(&b, "<p><button name=\"person\" value=\"\">取りやめる</button></p></form></main>");
	send(x, 200, "text/html; charset=utf-8", b.p);
}

static void add(struct buf *b, const char *name, const char *value)
{
	buf_printf(b, "%c%s=", strchr(b->p, '?') ? '&' : '?', name);
	buf_url(b, str_from(value));
}

static void chosen(struct sim_exchange *x, struct simulator *s)
{
	const char *sub = form_value(x, "person"), *state = form_value(x, "state"),
	           *nonce = form_value(x, "nonce"), *challenge = form_value(x, "code_challenge"),
	           *sign = form_value(x, "sign_transaction_id");
	const struct person *person = NULL;
	struct buf url;
	for (size_t i = 0; i < s->service->npeople; i++)
		if (text_eq(s->service->people[i].sub, sub))
			person = &s->service->people[i];
	buf_init(&url, x->arena);
	buf_puts(&url, redirect_of(x, s));
	if (!person) {
		add(&url, "error", "access_denied");
	} else {
		struct code *c = &s->code[s->next++ % CODES];
		*c = (struct code){.code = random_token(s->arena, 32),
		    .nonce = arena_strdup(s->arena, nonce ? nonce : ""),
		    .challenge = arena_strdup(s->arena, challenge ? challenge : ""),
		    .sign = sign ? arena_strdup(s->arena, sign) : NULL,
		    .person = person,
		    .until_us = now_us() + INT64_C(60) * 1000000};
		add(&url, "code", c->code);
	}
	add(&url, "state", state ? state : "");
	x->status = 303;
	x->location = url.p;
}

/* --- tokens --- */

/* The city's own keys, as the real service fetches them. */
static bool assertion_fits(struct sim_exchange *x, const struct simulator *s)
{
	struct fetch f = {.url = arena_printf(x->arena, "%s/login/with/keys.json", s->city),
	    .private_addresses = true};
	struct fetch_answer answer;
	struct jose_keys *keys;
	json_t *claims;
	const char *jwt = form_value(x, "client_assertion");
	return jwt && fetch(x->arena, &f, &answer, NULL) == 0 && answer.status == 200 &&
	       jose_keys_parse(x->arena, answer.body, &keys, NULL) == 0 &&
	       jwt_verify(x->arena, jwt, keys, JOSE_ANY, NULL, &claims, NULL) > 0 &&
	       text_eq(json_text(claims, "iss"), client_id) &&
	       text_eq(json_text(claims, "sub"), client_id) &&
	       audience_is(claims,
	           arena_printf(x->arena, "%s/protocol/openid-connect/token", base_of(x))) &&
	       token_times_check(claims, now_us(), TOKEN_SECONDS, NULL) == 0;
}

static bool client_fits(struct sim_exchange *x, const struct simulator *s)
{
	static const char basic[] =
	    "Basic bWFjaGktc2ltdWxhdG9yOlNJTVVMQVRPUg=="; /* client_id:client_secret */
	if (s->service->key)
		return assertion_fits(x, s);
	return text_eq(sim_header(x, "Authorization"), basic) ||
	       text_eq(form_value(x, "client_secret"), client_secret);
}

static bool verifier_fits(struct sim_exchange *x, const struct code *c)
{
	uint8_t hash[HASH_SIZE];
	struct buf b;
	struct str verifier = str_from(form_value(x, "code_verifier"));
	buf_init(&b, x->arena);
	hash_sha256(&verifier, 1, hash);
	buf_base64url(&b, hash, sizeof(hash));
	return verifier.n >= 43 && text_eq(b.p, c->challenge);
}

static void give_tokens(struct sim_exchange *x, struct simulator *s)
{
	const char *code = form_value(x, "code");
	struct code *c = NULL;
	char *token;
	int64_t now = now_us() / 1000000;
	for (size_t i = 0; i < CODES; i++)
		if (s->code[i].code && text_eq(s->code[i].code, code))
			c = &s->code[i];
	if (!client_fits(x, s)) {
		send_json(x, 401, json_pack("{s:s}", "error", "invalid_client"));
		return;
	}
	if (!c || c->used || c->until_us < now_us() || !verifier_fits(x, c) ||
	    !text_eq(form_value(x, "redirect_uri"), redirect_of(x, s))) {
		send_error(x, "invalid_grant");
		return;
	}
	c->used = true;
	c->access = random_token(s->arena, 32);
	json_t *claims = json_on_arena(x->arena,
	    json_pack("{s:s, s:s, s:s, s:s, s:s, s:I, s:I, s:I, s:s, s:s*}", "iss", base_of(x),
	        "sub", c->person->sub, "aud", client_id, "nonce", c->nonce, "acr", s->service->acr,
	        "iat", (json_int_t)now, "auth_time", (json_int_t)now, "exp",
	        (json_int_t)(now + TOKEN_SECONDS), "at_hash",
	        jose_half_hash(x->arena, JOSE_ES256, c->access), "sign_transaction_id", c->sign));
	if (jwt_sign(x->arena, s->key, claims, "JWT", &token, NULL) < 0)
		send_error(x, "server_error");
	else
		send_json(x, 200,
		    json_pack("{s:s, s:s, s:s, s:i}", "id_token", token, "access_token", c->access,
		        "token_type", "Bearer", "expires_in", TOKEN_SECONDS));
}

/* Whose access token came along; NULL: nobody's, and it was said. */
static const struct person *bearer(struct sim_exchange *x, const struct simulator *s)
{
	const char *header = sim_header(x, "Authorization");
	for (size_t i = 0; header && strncasecmp(header, "Bearer ", 7) == 0 && i < CODES; i++)
		if (s->code[i].access && text_eq(s->code[i].access, header + 7))
			return s->code[i].person;
	send_json(x, 401, json_pack("{s:s}", "error", "invalid_token"));
	return NULL;
}

static void give_person(struct sim_exchange *x, const struct simulator *s)
{
	const struct person *person = bearer(x, s);
	if (!person)
		return;
	json_t *claims = json_loads(person->claims, 0, NULL);
	json_object_set_new(claims, "sub", json_string(person->sub));
	send_json(x, 200, claims);
}

/* 委任情報: what other companies delegated to this account's. */
static void give_delegations(struct sim_exchange *x, const struct simulator *s)
{
	const struct person *person = bearer(x, s);
	if (person)
		send_json(x, 200,
		    json_pack("{s:s, s:o}", "sub", person->sub, "delegations",
		        json_loads(person->delegations ? person->delegations : "[]", 0, NULL)));
}

static void give_configuration(struct sim_exchange *x)
{
	static const struct {
		const char *name, *path;
	} addresses[] = {{"authorization_endpoint", "auth"}, {"token_endpoint", "token"},
	    {"userinfo_endpoint", "userinfo"}, {"jwks_uri", "certs"},
	    {"delegation_endpoint", "delegations"}};
	const char *base = base_of(x);
	json_t *doc = json_pack("{s:s}", "issuer", base);
	for (size_t i = 0; i < COUNT(addresses); i++)
		json_object_set_new(doc, addresses[i].name,
		    json_sprintf("%s/protocol/openid-connect/%s", base, addresses[i].path));
	send_json(x, 200, doc);
}

static void answer(struct sim_exchange *x, void *arg)
{
	struct simulator *s = arg;
	bool post = text_eq(x->method, "POST");
	if (text_eq(x->path, REALM "/.well-known/openid-configuration"))
		give_configuration(x);
	else if (text_eq(x->path, CONNECT "/certs"))
		send_json(x, 200, json_pack("{s:[o]}", "keys", jose_public(s->key)));
	else if (text_eq(x->path, CONNECT "/userinfo"))
		give_person(x, s);
	else if (text_eq(x->path, CONNECT "/delegations"))
		give_delegations(x, s);
	else if (text_eq(x->path, CONNECT "/token") && post)
		give_tokens(x, s);
	else if (text_eq(x->path, CONNECT "/auth") && post)
		chosen(x, s);
	else if (text_eq(x->path, CONNECT "/auth"))
		choose_page(x, s);
}

/* --- the command --- */

static void say_settings(const struct service *v, int port)
{
	printf("# SIMULATOR, for sign-in.yaml:\n"
	       "providers:\n"
	       "  - name: %s\n"
	       "    profile: %s\n"
	       "    label: {ja: '%s (SIMULATOR)', en: '%s (SIMULATOR)'}\n"
	       "    issuer: http://127.0.0.1:%d" REALM "\n"
	       "    client-id: %s\n%s"
	       "    private-addresses: true\n",
	    v->name, v->name, v->title, v->name, port, client_id,
	    v->key ? "" : "    client-secret: SIMULATOR\n");
}

int run_openid(const char *name, int argc, char **argv)
{
	struct err err = {0};
	const char *port = cli_option(&argc, argv, "port"), *city = cli_option(&argc, argv, "city");
	int64_t n = 8891;
	struct simulator s = {.city = city ? city : "http://localhost:8080"};
	for (size_t i = 0; i < COUNT(services); i++)
		if (text_eq(services[i].name, name))
			s.service = &services[i];
	if (argc > 0)
		return cli_usage("simulate", "unknown word", argv[0]);
	if (port && !str_to_i64(str_from(port), 1, 65535, &n))
		return cli_usage("simulate", "--port wants a number from 1 to 65535, not", port);
	s.arena = arena_new();
	int rc = jose_key_make(s.arena, JOSE_ES256, &s.key, &err);
	if (rc == 0) {
		say_settings(s.service, (int)n);
		rc = sim_serve((int)n, s.service->name, answer, &s, &err);
	}
	arena_free(s.arena);
	return rc < 0 ? cli_fail("simulate", &err) : 0;
}
