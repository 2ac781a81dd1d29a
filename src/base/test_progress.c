#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/progress.h"
#include "base/str.h"
#include "base/test.h"

/* What a job of some steps writes to a log. */
static char *shown(bool slow, int64_t total)
{
	FILE *f = tmpfile();
	int was = dup(STDERR_FILENO);
	assert_true(f && was >= 0 && dup2(fileno(f), STDERR_FILENO) >= 0);
	struct progress *p = progress_new("backup");
	progress_set(p, 0, total);
	struct stat at;
	do /* slow work is work that was told of before its end */
		progress_set(p, 1234, total);
	while (slow && fstat(fileno(f), &at) == 0 && at.st_size == 0);
	progress_set(p, 1235, total);
	progress_free(p);
	assert_true(dup2(was, STDERR_FILENO) >= 0);
	assert_int_equal(close(was), 0);
	static char text[1000];
	rewind(f);
	text[fread(text, 1, sizeof(text) - 1, f)] = '\0';
	fclose(f);
	return text;
}

static void test_log(void **state)
{
	(void)state;
	assert_string_equal(shown(false, 2470), ""); /* quick work says nothing */
	char *text = shown(true, 2470);
	if (strncmp(text, "backup  49 % 1,234 of 2,470, 0:0", 32) != 0 ||
	    !strstr(text, " left\nbackup  50 % 1,235 of 2,470, took 0:0"))
		fail_msg("%s", text);
	text = shown(true, 0);
	if (strncmp(text, "backup 1,234\nbackup 1,235, took 0:0", 35) != 0)
		fail_msg("%s", text);
	progress_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_log)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
