/* Mails as bytes, read back by another program (Python's email package). */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/test.h"
#include "notice/private.h"

static const struct {
	const char *address;
	bool valid;
} addresses[] = {
    {"taro@example.jp", true},
    {"taro.mihon+city@mail.example.co.jp", true},
    {"o'neil@example.com", true},
    {"a@b.c", true},
    {"taro", false},
    {"taro@", false},
    {"@example.jp", false},
    {"taro@example", false},
    {"taro@@example.jp", false},
    {"taro@exa mple.jp", false},
    {"taro@example.jp\nBcc: all@example.jp", false},
    {"taro@example.jp\r\nDATA", false},
    {"\"taro\"@example.jp", false},
    {"taro@example.jp>", false},
    {"<taro@example.jp", false},
    {"taro@.example.jp", false},
    {"taro@example..jp", false},
    {"見本@example.jp", false},
    {"taro@[127.0.0.1]", false},
    {"", false},
};

static void addresses_are_checked(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(addresses); i++)
		if (mail_address_valid(addresses[i].address) != addresses[i].valid)
			fail_msg("%s", addresses[i].address);
}

static const struct mail common = {
    .from = "noreply@city.example",
    .from_name = "高松市",
    .to = "taro@example.jp",
    .subject = "申請を受け付けました",
    .body = "本文です。\n",
    .lang = "ja",
    .message_id = "notice.1.abc@city.example",
    .list_id = "notices.city.example",
    .at_us = 1795221000000000,
};

/* Subject and body as another program reads them. */
static const char reader[] =
    "import sys, email, email.policy\n"
    "m = email.message_from_binary_file(open(sys.argv[1], 'rb'), policy=email.policy.default)\n"
    "assert not m.defects, m.defects\n"
    "raw = open(sys.argv[1], 'rb').read()\n"
    "assert all(len(l) <= 78 for l in raw.split(b'\\r\\n')), [l for l in raw.split(b'\\r\\n') if "
    "len(l) > 78]\n"
    "assert b'\\n' not in raw.replace(b'\\r\\n', b'') and max(raw) < 128\n"
    "print(len(m.keys())); print(m['from'].addresses[0].display_name); print(m['to'])\n"
    "print(m['message-id'], m['auto-submitted'], m['list-id'], m['date'].datetime.isoformat())\n"
    "print(m['subject']); print(m.get_content().replace(chr(13), ''), end='')\n";

static char *read_back(struct arena *a, struct str message)
{
	char dir[] = "/tmp/machi-notice-XXXXXX";
	struct err err = {0};
	assert_non_null(mkdtemp(dir));
	const char *mail = arena_printf(a, "%s/mail", dir),
	           *script = arena_printf(a, "%s/read.py", dir);
	assert_int_equal(file_write(mail, message, 0600, &err), 0);
	assert_int_equal(file_write(script, str_from(reader), 0600, &err), 0);
	FILE *f = popen(arena_printf(a, "python3 %s %s 2>&1", script, mail), "r");
	struct buf b;
	char part[4096];
	buf_init(&b, a);
	assert_non_null(f);
	for (size_t n; (n = fread(part, 1, sizeof(part), f)) > 0;)
		buf_add(&b, part, n);
	if (pclose(f) != 0)
		fail_msg("%.*s\n%.*s", (int)b.n, b.p, STR_ARG(message));
	assert_int_equal(unlink(mail), 0);
	assert_int_equal(unlink(script), 0);
	assert_int_equal(rmdir(dir), 0);
	return b.p;
}

static const struct {
	const char *name, *subject, *body, *want_subject, *want_body;
} mails[] = {
    {"japanese", "申請を受け付けました", "本文です。\n二行目\n", NULL, NULL},
    {"english", "Your application", "Plain text.\n\n.\nFrom here on\n..dots\nend\n", NULL, NULL},
    {"long subject",
        "令和8年度 課税証明書（非課税証明書）の申請の内容を直してください（7Q3K-41MX-9）　髙﨑様",
        "x\n", NULL, NULL},
    {"long english subject",
        "A very long subject that does not fit on one line of a mail header and so must be folded",
        "x\n", NULL, NULL},
    {"long line", "s",
        "A line that is longer than seventy-six characters has to be broken softly, = signs too; "
        "trailing space \n\ttab\n",
        NULL, NULL},
    {"mixed", "caf\xc3\xa9",
        "na\xc3\xafve caf\xc3\xa9 costs 300 yen, that is not much for such a good one\n", NULL,
        NULL},
    {"injection", "Hello\r\nBcc: all@example.jp\r\n\r\nbody", "x\n",
        "Hello  Bcc: all@example.jp    body", NULL},
    {"encoded word in a value", "=?UTF-8?B?SGVsbG8=?=", "x\n", NULL, NULL},
    {"empty", "", "", NULL, NULL},
    {"emoji", "🏢🏠🏡🏢🏠🏡🏢🏠🏡🏢🏠🏡🏢🏠🏡🏢🏠🏡🏢🏠🏡", "🏢\n", NULL, NULL},
};

static void read_by_others(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(mails); i++) {
		struct arena *a = arena_new();
		struct err err = {0};
		struct str message;
		struct mail m = common;
		m.subject = mails[i].subject;
		m.body = mails[i].body;
		assert_int_equal(mail_build(a, &m, &message, &err), 0);
		const char *want = arena_printf(a,
		    "11\n高松市\ntaro@example.jp\n<notice.1.abc@city.example> auto-generated "
		    "<notices.city.example> 2026-11-21T09:30:00+09:00\n%s\n%s",
		    mails[i].want_subject ? mails[i].want_subject : mails[i].subject,
		    mails[i].want_body ? mails[i].want_body : mails[i].body);
		char *got = read_back(a, message);
		if (strcmp(got, want) != 0)
			fail_msg("%s:\n%s\nwanted\n%s\n%.*s", mails[i].name, got, want,
			    STR_ARG(message));
		arena_free(a);
	}
}

static void no_header_from_outside(void **state)
{
	(void)state;
	struct arena *a = arena_new();
	struct err err = {0};
	struct str message;
	struct mail m = common;
	m.to = "taro@example.jp\r\nBcc: x@example.jp";
	assert_int_equal(mail_build(a, &m, &message, &err), -(int)ERR_INPUT);
	m = common;
	m.from_name = "City\r\nBcc: x@example.jp";
	assert_int_equal(mail_build(a, &m, &message, &err), 0);
	assert_null(memmem(message.p, message.n, "\r\nBcc", 5));
	m = common;
	m.message_id = "x\r\nBcc: y";
	assert_int_equal(mail_build(a, &m, &message, &err), -(int)ERR_INPUT);
	arena_free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(addresses_are_checked),
	    cmocka_unit_test(read_by_others),
	    cmocka_unit_test(no_header_from_outside),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
