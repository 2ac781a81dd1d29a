/* The words of `machi simulate card-ca`. */
#include "simulate/private.h"

#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "main/cli.h"

struct words {
	struct arena *a;
	int argc;
	char **argv;
	const char *dir; /* the first word after the verb */
};

static bool word_is_name(const char *s)
{
	size_t n = strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789-");
	return n > 0 && s[n] == '\0' && n <= 40;
}

static int usage(const char *what, const char *word)
{
	return cli_usage("simulate", what, word);
}

static int init(struct words *w, struct err *err)
{
	int rc = authority_init(w->a, w->dir, err);
	if (rc == 0)
		printf("SIMULATOR: authorities for test cards in %s\n", w->dir);
	return rc;
}

/* A western date with the era's code in front. */
static const char *birth_of(struct arena *a, const char *birthday)
{
	struct date d;
	if (!date_parse(str_from(birthday), &d))
		return NULL;
	const struct era *era = era_of(d);
	static const char *const letters = "MTSHR";
	const char *at = era ? strchr(letters, era->letter[0]) : NULL;
	return arena_printf(
	    a, "%d%04d%02d%02d", at ? (int)(at - letters) + 1 : 0, d.year, d.month, d.day);
}

static int renew(struct words *w, const char *old, struct card_wish *wish, struct err *err)
{
	enum { SUPERSEDED = 4 };
	json_t *was;
	int rc = card_load(w->a, w->dir, old, &was, err);
	if (rc < 0)
		return rc;
	wish->name = json_text(was, "name");
	wish->address = json_text(was, "address");
	wish->birth = json_text(was, "birth");
	wish->sex = json_text(was, "sex");
	wish->name_substitutes = json_text(was, "name_substitutes");
	wish->address_substitutes = json_text(was, "address_substitutes");
	for (int kind = 0; rc == 0 && kind < PKI_KIND_COUNT; kind++)
		rc = card_revoke(w->a, w->dir, old, kind, SUPERSEDED, err);
	return rc;
}

static bool fault_known(const char *fault)
{
	int i = 0;
	while (card_faults[i] && !text_eq(card_faults[i], fault))
		i++;
	return !fault || card_faults[i];
}

static int card(struct words *w, struct err *err)
{
	struct card_wish wish = {
	    .name = "見本　花子",
	    .address = "香川県高松市番町一丁目８番１５号",
	    .birth = "419900401",
	    .sex = "2",
	    .key = cli_option(&w->argc, w->argv, "key"),
	};
	struct {
		const char *option, **to;
	} options[] = {{"name", &wish.name}, {"address", &wish.address}, {"birth", &wish.birth},
	    {"sex", &wish.sex}, {"name-substitutes", &wish.name_substitutes},
	    {"address-substitutes", &wish.address_substitutes}, {"fault", &wish.fault}};
	const char *old = cli_option(&w->argc, w->argv, "renew");
	int rc = old ? renew(w, old, &wish, err) : 0;
	for (size_t i = 0; i < COUNT(options); i++) {
		const char *value = cli_option(&w->argc, w->argv, options[i].option);
		if (value)
			*options[i].to = value;
	}
	const char *birthday = cli_option(&w->argc, w->argv, "birthday");
	if (birthday && !(wish.birth = birth_of(w->a, birthday)))
		return err_set(err, ERR_INPUT, NULL, "--birthday %s is no date", birthday);
	if (!fault_known(wish.fault))
		return err_set(err, ERR_INPUT, NULL, "--fault %s is not known", wish.fault);
	if (rc == 0 && (w->argc != 1 || !word_is_name(w->argv[0])))
		return err_set(err, ERR_INPUT, NULL,
		    "a name for the card is wanted (small letters, digits and -)");
	if (rc == 0)
		rc = card_make(w->a, w->dir, w->argv[0], &wish, err);
	if (rc == 0)
		printf("SIMULATOR: card %s/cards/%s (password of the .p12 files: simulator)\n",
		    w->dir, w->argv[0]);
	return rc;
}

static int revoke(struct words *w, struct err *err)
{
	const char *reason = cli_option(&w->argc, w->argv, "reason");
	int number = reason_parse(reason ? reason : "unspecified"), rc = 0;
	const char *which = w->argc > 1 ? w->argv[1] : NULL;
	if (number < 0)
		return err_set(err, ERR_INPUT, NULL, "--reason %s is not known", reason);
	if (w->argc < 1 || !word_is_name(w->argv[0]))
		return err_set(err, ERR_INPUT, NULL, "which card?");
	for (int kind = 0; rc == 0 && kind < PKI_KIND_COUNT; kind++)
		if (!which || text_eq(which, kind_names[kind]))
			rc = card_revoke(w->a, w->dir, w->argv[0], kind, number, err);
	return rc;
}

static int crl(struct words *w, struct err *err)
{
	const char *age = cli_option(&w->argc, w->argv, "age");
	const char *hours = cli_option(&w->argc, w->argv, "hours");
	int64_t old = 0, good = 24;
	struct str pem;
	int rc = 0;
	if ((age && !str_to_i64(str_from(age), 0, 100000, &old)) ||
	    (hours && !str_to_i64(str_from(hours), 0, 100000, &good)))
		return err_set(err, ERR_INPUT, NULL, "--age and --hours are numbers of hours");
	for (int kind = 0; rc == 0 && kind < PKI_KIND_COUNT; kind++)
		rc = crl_make(
		    w->a, w->dir, kind, now_us() - old * 3600 * INT64_C(1000000), good, &pem, err);
	return rc;
}

static int sign(struct words *w, struct err *err)
{
	const char *out = cli_option(&w->argc, w->argv, "out");
	struct str content, cms;
	if (w->argc != 2 || !word_is_name(w->argv[0]))
		return err_set(err, ERR_INPUT, NULL, "a card and a file are wanted");
	int rc = file_read(w->a, w->argv[1], &content, err);
	if (rc == 0)
		rc = card_sign(w->a, w->dir, w->argv[0], content, &cms, err);
	if (rc == 0)
		rc = file_write(
		    out ? out : arena_printf(w->a, "%s.p7s", w->argv[1]), cms, 0644, err);
	return rc;
}

static int trust(struct words *w, struct err *err)
{
	static const struct {
		const char *from, *to;
	} files[] = {{"authentication.crt", "card-authentication.pem"},
	    {"signature.crt", "card-signature.pem"}, {"timestamp.crt", "timestamp.pem"},
	    {"authentication.crl", "authentication.crl"}, {"signature.crl", "signature.crl"}};
	struct str bytes;
	if (w->argc != 1)
		return err_set(err, ERR_INPUT, NULL, "the folder of a city is wanted");
	int rc = dir_make(arena_printf(w->a, "%s/trust", w->argv[0]), 0755, err);
	for (size_t i = 0; rc == 0 && i < COUNT(files); i++) {
		rc = file_read(
		    w->a, arena_printf(w->a, "%s/%s", w->dir, files[i].from), &bytes, err);
		if (rc == 0)
			rc = file_write(arena_printf(w->a, "%s/trust/%s", w->argv[0], files[i].to),
			    bytes, 0644, err);
	}
	if (rc == 0)
		printf("SIMULATOR: %s/trust now has simulated authorities; the city believes them "
		       "only with card.simulator: true\n",
		    w->argv[0]);
	return rc;
}

static int serve(struct words *w, struct err *err)
{
	const char *port = cli_option(&w->argc, w->argv, "port");
	int64_t n = 8890;
	if (port && !str_to_i64(str_from(port), 0, 65535, &n))
		return err_set(err, ERR_INPUT, NULL, "--port %s is no port", port);
	return responder_serve(w->dir, (int)n, err);
}

static const struct {
	const char *name;
	int (*run)(struct words *, struct err *);
} verbs[] = {{"init", init}, {"card", card}, {"revoke", revoke}, {"crl", crl}, {"sign", sign},
    {"trust", trust}, {"serve", serve}};

int run_card_ca(const char *name, int argc, char **argv)
{
	(void)name;
	size_t i = 0;
	while (argc > 0 && i < COUNT(verbs) && !text_eq(argv[0], verbs[i].name))
		i++;
	if (argc < 2 || i == COUNT(verbs))
		return usage("card-ca: what, and in which folder?", argc > 0 ? argv[0] : NULL);
	struct words w = {.a = arena_new(), .argc = argc - 2, .argv = argv + 2, .dir = argv[1]};
	struct err err = {0};
	int rc = verbs[i].run(&w, &err);
	arena_free(w.a);
	return rc < 0 ? cli_fail("simulate", &err) : EXIT_OK;
}
