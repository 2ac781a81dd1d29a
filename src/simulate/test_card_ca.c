/* Cards of the simulator, and what is found out about them: each fault has its own reason, and what
 * is refused is refused for that reason alone. */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "base/test.h"
#include "simulate/private.h"

struct world {
	struct arena *arena;
	char dir[64]; /* of the authorities, and the city's trust folder in it */
	const char *trust;
	pid_t responder;
	int port;
};

static const struct card_wish hanako = {.name = "見本　花子",
    .address = "香川県高松市番町一丁目８番１５号",
    .birth = "419900401",
    .sex = "2",
    .name_substitutes = "00100",
    .key = "ec"}; /* made in a moment, RSA keys are not */

static void copy_file(struct world *w, const char *from, const char *to)
{
	struct str bytes;
	assert_int_equal(
	    file_read(w->arena, arena_printf(w->arena, "%s/%s", w->dir, from), &bytes, NULL), 0);
	assert_int_equal(
	    file_write(arena_printf(w->arena, "%s/%s", w->trust, to), bytes, 0644, NULL), 0);
}

static void publish_lists(struct world *w)
{
	copy_file(w, "authentication.crl", "authentication.crl");
	copy_file(w, "signature.crl", "signature.crl");
}

/* The program itself, as anybody starts it. */
static void start_responder(struct world *w)
{
	int ends[2];
	assert_int_equal(pipe(ends), 0);
	w->responder = fork();
	if (w->responder == 0) {
		(void)dup2(ends[1], STDOUT_FILENO);
		(void)close(ends[0]);
		(void)execl(getenv("MACHI_BIN"), "machi", "simulate", "card-ca", "serve", w->dir,
		    "--port", "0", (char *)NULL);
		_exit(127);
	}
	(void)close(ends[1]);
	FILE *f = fdopen(ends[0], "r");
	char line[200] = "";
	assert_non_null(fgets(line, sizeof(line), f));
	const char *at = strstr(line, "127.0.0.1:");
	assert_non_null(at);
	w->port = (int)strtol(at + 10, NULL, 10);
	assert_true(w->port > 0);
	(void)fclose(f);
}

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));
	struct err err = {0};
	w->arena = arena_new();
	(void)snprintf(w->dir, sizeof(w->dir), "/tmp/machi-card-XXXXXX");
	assert_non_null(mkdtemp(w->dir));
	w->trust = arena_printf(w->arena, "%s/trust", w->dir);
	assert_int_equal(mkdir(w->trust, 0700), 0);
	assert_int_equal(authority_init(w->arena, w->dir, &err), 0);
	copy_file(w, "authentication.crt", "card-authentication.pem");
	copy_file(w, "signature.crt", "card-signature.pem");
	copy_file(w, "timestamp.crt", "timestamp.pem");
	publish_lists(w);
	start_responder(w);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;
	(void)kill(w->responder, SIGTERM);
	(void)waitpid(w->responder, NULL, 0);
	assert_int_equal(system(arena_printf(w->arena, "rm -rf %s", w->dir)), 0);
	arena_free(w->arena);
	free(w);
	return 0;
}

static struct pki *trust(struct world *w, const char *ocsp, const char *tsa)
{
	struct arena *a = w->arena;
	struct pki_options o = {.dir = w->trust,
	    .simulator = true,
	    .crl = ocsp ? NULL : "authentication.crl signature.crl",
	    .ocsp = ocsp ? arena_printf(a, "http://127.0.0.1:%d%s", w->port, ocsp) : NULL,
	    .tsa = tsa ? arena_printf(a, "http://127.0.0.1:%d%s", w->port, tsa) : NULL};
	struct pki *p = NULL;
	struct err err = {0};
	if (pki_open(&o, &p, &err) < 0)
		fail_msg("%s", err.detail);
	return p;
}

static struct str certificate(struct world *w, const char *card, enum pki_kind kind)
{
	struct str pem;
	const char *path =
	    arena_printf(w->arena, "%s/cards/%s/%s.crt", w->dir, card, kind_names[kind]);
	assert_int_equal(file_read(w->arena, path, &pem, NULL), 0);
	return pki_pem(w->arena, pem, "CERTIFICATE");
}

static const char *check(
    struct world *w, struct pki *p, const char *card, enum pki_kind kind, struct pki_checked *out)
{
	struct pki_verdict v;
	struct pki_checked ignored;
	assert_int_equal(pki_check(p, w->arena, certificate(w, card, kind), kind, now_us(), true,
	                     out ? out : &ignored, &v, NULL),
	    0);
	return pki_reason_name(v.reason);
}

static void make(struct world *w, const char *card, const struct card_wish *wish)
{
	struct err err = {0};
	if (card_make(w->arena, w->dir, card, wish, &err) < 0)
		fail_msg("%s: %s", card, err.detail);
}

static void each_fault_has_its_reason(void **state)
{
	static const struct {
		const char *fault, *authentication, *signature;
	} cases[] = {
	    {NULL, "good", "good"},
	    {"expired", "expired", "expired"},
	    {"not-yet", "not_yet", "not_yet"},
	    {"forged", "issuer", "issuer"},
	    {"usage", "usage", "usage"},
	    {"policy", "policy", "policy"},
	    {"items", "good", "items"},
	};
	struct world *w = *state;
	struct pki *p = trust(w, NULL, NULL);
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct card_wish wish = hanako;
		wish.fault = cases[i].fault;
		wish.key = cases[i].fault ? "ec" : "rsa";
		make(w, "one", &wish);
		if (cases[i].fault)
			print_message("%s\n", cases[i].fault);
		assert_string_equal(
		    check(w, p, "one", PKI_AUTHENTICATION, NULL), cases[i].authentication);
		assert_string_equal(check(w, p, "one", PKI_SIGNATURE, NULL), cases[i].signature);
	}
	/* One certificate is not the other. */
	struct pki_verdict v;
	struct pki_checked out;
	make(w, "one", &hanako);
	assert_int_equal(pki_check(p, w->arena, certificate(w, "one", PKI_SIGNATURE),
	                     PKI_AUTHENTICATION, now_us(), false, &out, &v, NULL),
	    0);
	assert_int_equal(v.reason, PKI_ISSUER);
	pki_close(p);
}

static void basic_items_are_read(void **state)
{
	struct world *w = *state;
	struct pki *p = trust(w, NULL, NULL);
	struct pki_checked c;
	make(w, "items", &hanako);
	assert_string_equal(check(w, p, "items", PKI_SIGNATURE, &c), "good");
	const struct pki_basic *b = &c.certificate.basic;
	assert_true(str_is(b->name, hanako.name));
	assert_true(str_is(b->address, hanako.address));
	assert_true(str_is(b->sex, "2"));
	assert_string_equal(date_format(w->arena, b->birthday), "1990-04-01");
	assert_string_equal(
	    pki_with_substitutes(w->arena, b->name, b->name_substitutes), "見本〓花子");
	assert_string_equal(check(w, p, "items", PKI_AUTHENTICATION, &c), "good");
	assert_false(c.certificate.has_basic);
	pki_close(p);
}

static void birth_dates_fail_closed(void **state)
{
	static const struct {
		const char *text, *date;
	} cases[] = {{"419900401", "1990-04-01"}, {"520200229", "2020-02-29"},
	    {"019850315", "1985-03-15"}, {"319261225", "1926-12-25"}, {"419890107", ""},
	    {"320190502", ""}, {"319500000", ""}, {"319500400", ""}, {"319500431", ""},
	    {"619900401", ""}, {"41990040", ""}, {"4199004011", ""}, {"41990-401", ""}, {"", ""}};
	struct world *w = *state;
	for (size_t i = 0; i < COUNT(cases); i++)
		assert_string_equal(
		    date_format(w->arena, pki_birthday(str_from(cases[i].text))), cases[i].date);
}

static void revocation_by_list(void **state)
{
	static const char *const reasons[] = {"unspecified", "keyCompromise", "cACompromise",
	    "affiliationChanged", "superseded", "cessationOfOperation", "certificateHold"};
	struct world *w = *state;
	struct pki *p = trust(w, NULL, NULL);
	struct pki_checked c;
	struct str pem;
	make(w, "other", &hanako);
	for (size_t i = 0; i < COUNT(reasons); i++) {
		make(w, "gone", &hanako);
		assert_string_equal(check(w, p, "gone", PKI_SIGNATURE, &c), "good");
		assert_string_equal(c.revocation, "crl");
		assert_true(c.revocation_bytes.n > 0);
		assert_int_equal(card_revoke(w->arena, w->dir, "gone", PKI_SIGNATURE,
		                     reason_parse(reasons[i]), NULL),
		    0);
		publish_lists(w);
		assert_string_equal(check(w, p, "gone", PKI_SIGNATURE, &c),
		    i == COUNT(reasons) - 1 ? "hold" : "revoked");
		assert_string_equal(c.revoked_for, reasons[i]);
		assert_string_equal(check(w, p, "gone", PKI_AUTHENTICATION, NULL), "good");
		assert_string_equal(check(w, p, "other", PKI_SIGNATURE, NULL), "good");
	}
	/* A list that is over says nothing any more. */
	assert_int_equal(crl_make(w->arena, w->dir, PKI_SIGNATURE,
	                     now_us() - INT64_C(48) * 3600 * 1000000, 24, &pem, NULL),
	    0);
	publish_lists(w);
	assert_string_equal(check(w, p, "other", PKI_SIGNATURE, NULL), "revocation_stale");
	/* Neither does one of the other authority. */
	copy_file(w, "authentication.crl", "signature.crl");
	assert_int_equal(crl_make(w->arena, w->dir, PKI_SIGNATURE, now_us(), 24, &pem, NULL), 0);
	pki_close(p);
	p = trust(w, NULL, NULL);
	assert_string_equal(check(w, p, "other", PKI_SIGNATURE, NULL), "revocation_unknown");
	publish_lists(w);
	assert_string_equal(check(w, p, "other", PKI_SIGNATURE, NULL), "good");
	pki_close(p);
}

static void revocation_by_question(void **state)
{
	static const struct {
		const char *path, *good, *revoked;
	} cases[] = {{"/ocsp", "good", "revoked"},
	    {"/ocsp/no-nonce", "revocation_unknown", "revocation_unknown"},
	    {"/ocsp/other", "revocation_unknown", "revocation_unknown"},
	    {"/nothing", "revocation_unknown", "revocation_unknown"}};
	struct world *w = *state;
	struct pki_checked c;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct pki *p = trust(w, cases[i].path, NULL);
		make(w, "asked", &hanako);
		assert_string_equal(check(w, p, "asked", PKI_AUTHENTICATION, &c), cases[i].good);
		assert_int_equal(
		    card_revoke(w->arena, w->dir, "asked", PKI_AUTHENTICATION, 3, NULL), 0);
		assert_string_equal(check(w, p, "asked", PKI_AUTHENTICATION, &c), cases[i].revoked);
		if (i == 0)
			assert_string_equal(c.revoked_for, "affiliationChanged");
		pki_close(p);
	}
}

static const char *verify(
    struct world *w, struct pki *p, struct str cms, struct str content, struct pki_checked *out)
{
	struct pki_verdict v;
	assert_int_equal(pki_verify(p, w->arena, cms, content, now_us(), false, out, &v, NULL), 0);
	return pki_reason_name(v.reason);
}

static void signatures(void **state)
{
	struct world *w = *state;
	struct pki *p = trust(w, NULL, NULL);
	struct pki_checked c;
	struct str content = STR("{\"answers\":{}}"), cms = {0};
	for (int ec = 0; ec < 2; ec++) {
		struct card_wish wish = hanako;
		wish.key = ec ? "ec" : "rsa";
		make(w, "signer", &wish);
		assert_int_equal(card_sign(w->arena, w->dir, "signer", content, &cms, NULL), 0);
		assert_string_equal(verify(w, p, cms, content, &c), "good");
		assert_true(str_is(c.certificate.basic.name, hanako.name));
		assert_string_equal(verify(w, p, cms, STR("{\"answers\":{} }"), &c), "altered");
		/* No byte may be another: whatever it is, it is not believed. */
		for (size_t i = 0; i < cms.n; i++) {
			char *other = arena_strndup(w->arena, cms.p, 0);
			other = arena_alloc(w->arena, cms.n);
			memcpy(other, cms.p, cms.n);
			other[i] ^= 0x01;
			const char *is = verify(w, p, (struct str){other, cms.n}, content, &c);
			/* Not signed: version numbers, algorithm parameters, certificates of
			 * others. */
			if (strcmp(is, "good") == 0) {
				struct pki_cms a, b;
				struct pki_verdict v;
				assert_true(pki_cms_read(cms, &a, &v));
				assert_true(pki_cms_read((struct str){other, cms.n}, &b, &v));
				assert_true(str_eq(a.certificate, b.certificate));
				assert_true(str_eq(a.attributes, b.attributes));
			}
		}
		for (size_t n = 0; n < cms.n; n += 7)
			assert_string_not_equal(
			    verify(w, p, (struct str){cms.p, n}, content, &c), "good");
	}
	pki_close(p);
}

static void time_stamps(void **state)
{
	struct world *w = *state;
	struct str bytes = STR("a signature"), response;
	struct pki_verdict v;
	int64_t at;
	struct pki *p = trust(w, "/ocsp", "/tsa");
	assert_int_equal(pki_stamp(p, w->arena, bytes, now_us(), &response, &at, &v, NULL), 0);
	assert_string_equal(v.detail, "");
	assert_int_equal(v.reason, PKI_GOOD);
	assert_int_equal(pki_stamp_verify(p, response, bytes, &at, &v, NULL), 0);
	assert_int_equal(v.reason, PKI_GOOD);
	assert_int_equal(pki_stamp_verify(p, response, STR("another"), &at, &v, NULL), 0);
	assert_int_equal(v.reason, PKI_STAMP_WRONG);
	pki_close(p);
	p = trust(w, "/ocsp", "/tsa/expired");
	assert_int_equal(pki_stamp(p, w->arena, bytes, now_us(), &response, &at, &v, NULL), 0);
	assert_int_equal(v.reason, PKI_STAMP_AUTHORITY);
	pki_close(p);
	p = trust(w, "/ocsp", "/nothing");
	assert_int_equal(pki_stamp(p, w->arena, bytes, now_us(), &response, &at, &v, NULL), 0);
	assert_int_equal(v.reason, PKI_STAMP_REFUSED);
	pki_close(p);
}

static void a_simulator_is_trusted_only_when_told(void **state)
{
	struct world *w = *state;
	struct pki_options o = {.dir = w->trust, .crl = "signature.crl"};
	struct pki *p = NULL;
	struct err err = {0};
	assert_int_equal(pki_open(&o, &p, &err), -(int)ERR_INPUT);
	assert_non_null(strstr(err.detail, "card.simulator"));
	/* A set without the card's algorithm trusts nobody. */
	o.simulator = true;
	o.algorithms = "ecdsa-sha384";
	assert_int_equal(pki_open(&o, &p, &err), 0);
	make(w, "rsa", &hanako);
	assert_string_equal(check(w, p, "rsa", PKI_SIGNATURE, NULL), "algorithm");
	pki_close(p);
	o.algorithms = "md5";
	assert_int_equal(pki_open(&o, &p, &err), -(int)ERR_INPUT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(each_fault_has_its_reason),
	    cmocka_unit_test(basic_items_are_read),
	    cmocka_unit_test(birth_dates_fail_closed),
	    cmocka_unit_test(revocation_by_list),
	    cmocka_unit_test(revocation_by_question),
	    cmocka_unit_test(signatures),
	    cmocka_unit_test(time_stamps),
	    cmocka_unit_test(a_simulator_is_trusted_only_when_told),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
