#include "base/settings.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/file.h"
#include "base/test.h"

static char dir[] = "/tmp/machi-settings.XXXXXX";

/* Loads with machi.yaml and one flag; the detail of the error, or "". */
static const char *load(struct arena *a, const char *yaml, const char *flag)
{
	struct err err = {0};
	const char *path = arena_printf(a, "%s/machi.yaml", dir);
	assert_int_equal(file_write(path, str_from(yaml), 0600, &err), 0);
	char *argv[] = {arena_printf(a, "--data=%s", dir), arena_strdup(a, flag ? flag : "FILE")};
	int argc = 2;
	struct settings *s;
	if (settings_load(&argc, argv, &s, &err) < 0) {
		assert_int_equal(err.kind, ERR_INPUT);
		return arena_strdup(a, err.detail);
	}
	settings_free(s);
	return "";
}

static const char *city(struct arena *a, const char *yaml)
{
	struct err err = {0};
	const char *path = arena_printf(a, "%s/city.yaml", dir);
	assert_int_equal(file_write(path, str_from(yaml), 0600, &err), 0);
	struct settings *s;
	int argc = 0;
	assert_int_equal(settings_load(&argc, NULL, &s, &err), 0);
	json_t *all = NULL;
	int rc = settings_city_file(s, path, &all, &err);
	json_decref(all);
	settings_free(s);
	return rc < 0 ? arena_strdup(a, err.detail) : "";
}

/* Each mistake is told with its place; want NULL: there is none. */
static void test_mistakes(void **state)
{
	(void)state;
	static const struct {
		bool city;
		const char *yaml, *flag, *want;
	} cases[] = {
	    {false, "", NULL, NULL},
	    {false, "port: 18000\nsmtp:\n  url: smtp://mail\npage-cache: false\nlisten:\n", NULL,
	        NULL},
	    {false, "smtp.url: smtp://mail\n", "--log=warn", NULL},
	    {false, "threads: 2\nport: http\n", NULL,
	        "/machi.yaml:2: port: a number from 0 to 65535 is wanted, not \"http\""},
	    {false, "", "--port=65536",
	        "--port: a number from 0 to 65535 is wanted, not \"65536\""},
	    {false, "", "--port", "--port needs a value (PORT)"},
	    {false, "", "--timeout=-1", "--timeout: a number from 0 to"},
	    {false, "", "--log=loud", "--log: debug|info|warn|error is wanted, not \"loud\""},
	    {false, "page-cache: yes\n", NULL, ":1: page-cache: true|false is wanted, not \"yes\""},
	    {false, "\nprot: 1\n", NULL, ":2: prot: there is no such setting; did you mean port?"},
	    {false, "smtp:\n  ulr: x\n", NULL,
	        ":2: smtp.ulr: there is no such setting; did you mean smtp.url?"},
	    {false, "colour: blue\n", NULL,
	        ":1: colour: there is no such setting; machi serve --help lists them"},
	    {false, "port:\n  a: 1\n", NULL, ":1: port: one value is wanted (PORT)"},
	    {false, "port: 1\nport: 2\n", NULL, ":2: this name is there already"},
	    {false, "hosts: [a]\n", NULL, ":1: hosts: belongs in the city.yaml of a city"},
	    {false, "- port\n", NULL, ":1: names and values are wanted"},
	    {true,
	        "name: {ja: 街, en: City}\nhosts: [a.example]\ndemo: true\nsecond-factor: {staff: "
	        "required}\n"
	        "credits:\n  - label: {ja: あ, en: a}\n    href: x\nclosed-days: [\"01-04\"]\n",
	        NULL, NULL},
	    {true, "second-factor:\n  staff: requird\n", NULL,
	        "/city.yaml:2: second-factor.staff: required|optional is wanted, not \"requird\""},
	    {true, "second-factor: required\n", NULL,
	        ":1: second-factor: there is no such setting"},
	    {true, "hosts: a.example\n", NULL, ":1: hosts: a list of host names is wanted"},
	    {true, "demo: yes\n", NULL, ":1: demo: true or false is wanted"},
	    {true, "host: [a]\n", NULL, ":1: host: there is no such setting; did you mean hosts?"},
	    {true, "port: 80\n", NULL,
	        ":1: port: is of the whole process and belongs in machi.yaml"},
	};
	assert_non_null(mkdtemp(dir));
	struct arena *a = arena_new();
	for (size_t i = 0; i < COUNT(cases); i++) {
		const char *got =
		    cases[i].city ? city(a, cases[i].yaml) : load(a, cases[i].yaml, cases[i].flag);
		if (cases[i].want ? !strstr(got, cases[i].want) : got[0] != '\0')
			fail_msg("%zu %s%s: %s", i, cases[i].yaml,
			    cases[i].flag ? cases[i].flag : "", got);
	}
	(void)unlink(arena_printf(a, "%s/machi.yaml", dir));
	(void)unlink(arena_printf(a, "%s/city.yaml", dir));
	(void)rmdir(dir);
	arena_free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_mistakes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
