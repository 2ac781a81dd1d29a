/* Signatures that other people's programs accept: poppler's pdfsig (NSS), and openssl. */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/test.h"
#include "base/time.h"
#include "document/document.h"
#include "document/private.h"
#include "document/sign.h"
#include "document/test_sample.h"

static struct str signed_sample(struct arena *a, struct city *city, const char *view_name)
{
	struct err err = {0};
	struct str pdf = {0}, out = {0};
	json_t *view = sample_view(view_name);
	assert_int_equal(document_render(city, a, view_name, "ja", view, &pdf, &err), 0);
	if (document_sign(city, a, pdf, "犬の登録決定通知書", &out, &err) < 0)
		fail_msg("%s", err.detail);
	json_decref(view);
	assert_true(out.n > pdf.n);
	assert_memory_equal(out.p, pdf.p, pdf.n); /* only appended to */
	return out;
}

static void pdfsig_says_valid(void **state)
{
	struct city *city = *state;
	struct arena *a = arena_new();
	const char *path = sample_file(a, city, "signed.pdf", signed_sample(a, city, "decision"));
	struct str said = sample_run(a, "pdfsig -nocert %s 2>&1", path);
	assert_non_null(strstr(said.p, "Signature Type: ETSI.CAdES.detached"));
	assert_non_null(strstr(said.p, "Signature Validation: Signature is Valid."));
	assert_non_null(strstr(said.p, "Total document signed"));
	assert_non_null(strstr(said.p, "Signing Hash Algorithm: SHA-256"));
	assert_null(strstr(said.p, "1970"));
	arena_free(a);
}

static void trusted_with_the_test_root(void **state)
{
	struct city *city = *state;
	struct arena *a = arena_new();
	if (system("command -v certutil >/dev/null") != 0)
		skip(); /* libnss3-tools; ./test installs it */
	const char *path =
	    sample_file(a, city, "signed.pdf", signed_sample(a, city, "certificate"));
	const char *nss = arena_printf(a, "%s/nss", city->dir);
	assert_int_equal(mkdir(nss, 0700), 0);
	(void)sample_run(a, "certutil -N -d sql:%s --empty-password 2>&1", nss);
	struct str said = sample_run(a, "pdfsig -nssdir sql:%s %s 2>&1", nss, path);
	assert_null(strstr(said.p, "Certificate is Trusted"));
	(void)sample_run(
	    a, "certutil -A -d sql:%s -n root -t C,C,C -i %s/keys/ca.crt 2>&1", nss, city->dir);
	said = sample_run(a, "pdfsig -nssdir sql:%s %s 2>&1", nss, path);
	if (!strstr(said.p, "Certificate Validation: Certificate is Trusted."))
		fail_msg("%s", said.p);
	arena_free(a);
}

static void a_changed_byte_is_noticed(void **state)
{
	struct city *city = *state;
	struct arena *a = arena_new();
	struct str pdf = signed_sample(a, city, "decision");
	char *copy = arena_alloc(a, pdf.n);
	memcpy(copy, pdf.p, pdf.n);
	char *title = memmem(copy, pdf.n, "/Title", 6);
	assert_non_null(title);
	title[12] = title[12] == '0' ? '1' : '0';
	const char *path = sample_file(a, city, "changed.pdf", (struct str){copy, pdf.n});
	struct str said = sample_run(a, "pdfsig -nocert %s 2>&1; true", path);
	assert_null(strstr(said.p, "Signature is Valid"));
	assert_non_null(strstr(said.p, "Digest Mismatch"));
	arena_free(a);
}

/* The CMS taken out of the file, as its owner may check it with openssl alone. */
static void the_cms_is_what_pades_asks(void **state)
{
	struct city *city = *state;
	struct arena *a = arena_new();
	struct str pdf = signed_sample(a, city, "decision");
	const char *contents = memmem(pdf.p, pdf.n, "/Contents <", 11);
	const char *range = memmem(pdf.p, pdf.n, "/ByteRange [", 12);
	assert_non_null(contents);
	assert_non_null(range);
	size_t from, after, rest;
	assert_int_equal(sscanf(range + 12, "0 %zu %zu %zu", &from, &after, &rest), 3);
	assert_int_equal(after + rest, pdf.n);
	assert_int_equal(pdf.p[from], '<');
	assert_int_equal(pdf.p[after - 1], '>');
	struct buf der, data;
	buf_init(&der, a);
	buf_init(&data, a);
	for (size_t i = from + 1; i + 1 < after; i += 2) {
		unsigned byte;
		char hex[3] = {pdf.p[i], pdf.p[i + 1], '\0'};
		assert_int_equal(sscanf(hex, "%2x", &byte), 1);
		buf_putc(&der, (char)byte);
	}
	buf_add(&data, pdf.p, from);
	buf_add(&data, pdf.p + after, rest);
	const char *cms = sample_file(a, city, "cms.der", buf_to_str(&der));
	const char *content = sample_file(a, city, "content.bin", buf_to_str(&data));
	(void)sample_run(a,
	    "openssl cms -verify -cades -inform DER -in %s -binary -content %s -CAfile "
	    "%s/keys/ca.crt "
	    "-purpose any -out /dev/null 2>&1",
	    cms, content, city->dir);
	struct str shown =
	    sample_run(a, "openssl cms -cmsout -print -inform DER -in %s 2>/dev/null", cms);
	assert_non_null(strstr(shown.p, "signingCertificateV2"));
	assert_null(strstr(shown.p, "signingTime"));
	arena_free(a);
}

static void keys_are_kept_and_private(void **state)
{
	struct city *city = *state;
	struct arena *a = arena_new();
	struct err err = {0};
	struct sign_key k = {0}, again = {0};
	const char *dir = arena_printf(a, "%s/other", city->dir);
	struct stat st;
	assert_int_equal(sign_key_load(a, dir, "高松市", now_us(), &k, &err), 0);
	assert_int_equal(sign_key_load(a, dir, "高松市", now_us(), &again, &err), 0);
	assert_int_equal(X509_cmp(k.cert, again.cert), 0);
	assert_int_equal(stat(arena_printf(a, "%s/sign.key", dir), &st), 0);
	assert_int_equal(st.st_mode & 077, 0);
	/* A certificate that has ended, or is another key's, is refused with its reason. */
	int64_t later = now_us() + (int64_t)3000 * 86400 * 1000000;
	assert_int_equal(sign_key_load(a, dir, "高松市", later, &again, &err), -(int)ERR_INTERNAL);
	assert_string_equal(err.msg, "document.key_expired");
	struct str crt;
	const char *other = arena_printf(a, "%s/keys/sign.crt", city->dir);
	assert_int_equal(file_read(a, other, &crt, &err), 0);
	assert_int_equal(file_write(arena_printf(a, "%s/sign.crt", dir), crt, 0644, &err), 0);
	assert_int_equal(
	    sign_key_load(a, dir, "高松市", now_us(), &again, &err), -(int)ERR_INTERNAL);
	assert_string_equal(err.msg, "document.key_broken");
	arena_free(a);
}

static void broken_pdfs_are_refused(void **state)
{
	struct city *city = *state;
	struct arena *a = arena_new();
	struct err err = {0};
	struct str pdf = {0}, out;
	json_t *view = sample_view("receipt");
	assert_int_equal(document_render(city, a, "receipt", "ja", view, &pdf, &err), 0);
	json_decref(view);
	/* Cut anywhere, or with any byte of the tail changed: an error or a signed file (the file
	 * has two revisions, the first may be left), never a crash. */
	for (size_t n = 0; n < pdf.n; n += 1 + pdf.n / 150) {
		struct str cut = {pdf.p, n};
		(void)document_sign(city, a, cut, NULL, &out, &err);
	}
	for (size_t i = pdf.n - 600; i < pdf.n; i += 3) {
		char *copy = arena_alloc(a, pdf.n);
		memcpy(copy, pdf.p, pdf.n);
		copy[i] ^= 0x15;
		(void)document_sign(city, a, (struct str){copy, pdf.n}, NULL, &out, &err);
	}
	/* A page that is said to be an object which only the signature makes. */
	char *copy = arena_alloc(a, pdf.n);
	memcpy(copy, pdf.p, pdf.n);
	char *kids = memmem(copy, pdf.n, "/Kids [", 7), *tail = memmem(copy, pdf.n, "/Size ", 6);
	assert_true(kids && tail);
	kids += strlen("/Kids [");
	char other[20];
	int n = snprintf(other, sizeof(other), "%ld 0 R", strtol(tail + 6, NULL, 10) + 1);
	size_t room = strcspn(kids, "]");
	assert_true(n > 0 && (size_t)n <= room);
	memset(kids, ' ', room);
	memcpy(kids, other, (size_t)n);
	assert_int_equal(
	    document_sign(city, a, (struct str){copy, pdf.n}, NULL, &out, &err), -(int)ERR_INPUT);
	/* Signing twice would break what the first one certifies. */
	struct str once = signed_sample(a, city, "receipt");
	assert_int_equal(document_sign(city, a, once, NULL, &out, &err), -(int)ERR_INPUT);
	arena_free(a);
}

int main(int argc, char **argv)
{
	int code;
	if (sample_main_begins(argc, argv, &code))
		return code;
	struct city city;
	sample_city(&city);
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_prestate(pdfsig_says_valid, &city),
	    cmocka_unit_test_prestate(trusted_with_the_test_root, &city),
	    cmocka_unit_test_prestate(a_changed_byte_is_noticed, &city),
	    cmocka_unit_test_prestate(the_cms_is_what_pades_asks, &city),
	    cmocka_unit_test_prestate(keys_are_kept_and_private, &city),
	    cmocka_unit_test_prestate(broken_pdfs_are_refused, &city),
	};
	code = cmocka_run_group_tests(tests, NULL, NULL);
	sample_city_end(&city);
	return code;
}
