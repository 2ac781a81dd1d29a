#include <string.h>

#include "base/check.h"
#include "base/test.h"

struct check_case {
	const char *text;
	bool ok;
};

static void run(const char *name, bool (*fn)(struct str), const struct check_case *cases, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (fn(str_from(cases[i].text)) != cases[i].ok)
			fail_msg("%s: %s", name, cases[i].text);
}
#define RUN(fn, cases) run(#fn, fn, cases, COUNT(cases))

static void test_numbers(void **state)
{
	(void)state;
	/* Invented numbers; the check digits were worked out by hand. */
	static const struct check_case individual[] = {
	    {"123456789018", true},
	    {"123456789019", false},
	    {"12345678901", false},
	    {"1234567890180", false},
	    {"12345678901x", false},
	    {"", false},
	    {"000000000000", true},
	};
	RUN(check_individual_number, individual);
	assert_int_equal(check_individual_digit("12345678901"), '8');
	for (int i = 0; i < 11; i++) { /* one wrong digit is noticed */
		char n[] = "123456789018";
		n[i] = n[i] == '9' ? '0' : (char)(n[i] + 1);
		if (check_individual_number(str_from(n)) && n[11] != '0')
			fail_msg("%s", n);
	}
	static const struct check_case corporate[] = {
	    {"6010005017636", true},
	    {"2000020132110", true},
	    {"5010005017636", false},
	    {"6010005017637", false},
	    {"601000501763", false},
	    {"601000501763a", false},
	};
	RUN(check_corporate_number, corporate);
	static const struct check_case postal[] = {
	    {"760-8571", true},
	    {"7608571", true},
	    {"7608-571", false},
	    {"760857", false},
	    {"76085711", false},
	    {"760_8571", false},
	};
	RUN(check_postal_code, postal);
	static const struct check_case account[] = {{"0012345", true}, {"12345", false}};
	RUN(check_account_number, account);
}

static void test_email(void **state)
{
	(void)state;
	static const struct check_case cases[] = {
	    {"hanako@example.jp", true},
	    {"a.b+c_d-e@sub.example.co.jp", true},
	    {"dots..dots.@example.jp", true}, /* mobile carriers gave such addresses away */
	    {"hanako@example", false},
	    {"hanako@example..jp", false},
	    {"hanako@example.jp.", false},
	    {"hanako@.jp", false},
	    {"hanako@-example.jp", false},
	    {"hanako@example-.jp", false},
	    {"@example.jp", false},
	    {"hanako@", false},
	    {"hanako", false},
	    {"", false},
	    {"a b@example.jp", false},
	    {"a@b@example.jp", false},
	    {"a\r\nBcc: b@example.jp", false},
	    {"\"a\"@example.jp", false},
	    {"花子@example.jp", false},
	    {"a@例え.jp", false},
	    {"aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffff12345@example.jp", false},
	};
	RUN(check_email, cases);
}

static void test_phone(void **state)
{
	(void)state;
	static const struct check_case cases[] = {
	    {"087-839-2011", true},
	    {"0878392011", true},
	    {"(087)839-2011", true},
	    {"087(839)2011", true},
	    {"080-0000-0000", true},
	    {"05012345678", true},
	    {"0120-000-000", true},
	    {"0800-000-0000", true},
	    {"+81-87-839-2011", true},
	    {"+12025550123", true},
	    {"087-839-201", false},
	    {"087-839-20111", false},
	    {"87-839-2011", false},
	    {"0080-000-0000", false},
	    {"087--839-2011", false},
	    {"-0878392011", false},
	    {"0878392011-", false},
	    {"087)839(2011", false},
	    {"(0878392011", false},
	    {"087 839 2011", false},
	    {"+0878392011", false},
	    {"+123456", false},
	    {"", false},
	    {"119", false},
	    {"0878392011x", false},
	    {"00000000000000000000000", false},
	};
	RUN(check_phone, cases);
}

static void test_receipt_numbers(void **state)
{
	(void)state;
	char out[RECEIPT_NUMBER_SIZE];
	static const struct {
		const char *typed, *want; /* NULL: refused */
	} cases[] = {
	    {"0000-0000-0000", "0000-0000-0000"},
	    {"0000-0000-0012", "0000-0000-0012"},
	    {"000000000012", "0000-0000-0012"},
	    {" 0000 0000 0012 ", "0000-0000-0012"},
	    {"００００ー００００−００１２", "0000-0000-0012"},
	    {"oooo-OOOO-ool2", "0000-0000-0012"},
	    {"0000-0000-0013", NULL},
	    {"", NULL},
	    {"0000-0000-001", NULL},
	    {"0000-0000-00120", NULL},
	    {"0000-0000-001*", NULL},
	    {"0000-0000-001\xFF", NULL},
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		bool ok = receipt_number_parse(str_from(cases[i].typed), out);
		if (ok != (cases[i].want != NULL) || (ok && strcmp(out, cases[i].want) != 0))
			fail_msg("%s", cases[i].typed);
	}

	char n[RECEIPT_NUMBER_SIZE];
	receipt_number_format(UINT64_C(0x123456789ABCDE), n);
	static const char *const alphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
	for (size_t i = 0; n[i]; i++) {
		char wrong[RECEIPT_NUMBER_SIZE];
		for (const char *c = alphabet; n[i] != '-' && *c; c++) {
			memcpy(wrong, n, sizeof(wrong));
			wrong[i] = *c;
			if (receipt_number_parse(str_from(wrong), out) != (*c == n[i]))
				fail_msg("%s for %s", wrong, n);
		}
		for (size_t k = 0; k < i; k++) { /* any two exchanged, not only neighbours */
			if (n[i] == '-' || n[k] == '-' || n[i] == n[k])
				continue;
			memcpy(wrong, n, sizeof(wrong));
			wrong[i] = n[k];
			wrong[k] = n[i];
			if (receipt_number_parse(str_from(wrong), out))
				fail_msg("%s for %s", wrong, n);
		}
	}

	for (int i = 0; i < 1000; i++) {
		receipt_number_random(n);
		assert_int_equal(strlen(n), RECEIPT_NUMBER_SIZE - 1);
		assert_true(receipt_number_parse(str_from(n), out));
		assert_string_equal(n, out);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_numbers),
	    cmocka_unit_test(test_email),
	    cmocka_unit_test(test_phone),
	    cmocka_unit_test(test_receipt_numbers),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
