/* Roles and the permissions of all modules fit each other. */
#include "base/test.h"
#include "identity/private.h"

static const struct role_set *const set = &roles_built_in;

static bool declared(const char *perm)
{
	for (int m = 0; m < nmodules; m++)
		for (int i = 0; i < modules[m]->nperms; i++)
			if (text_eq(modules[m]->perms[i].name, perm))
				return true;
	return false;
}

static void test_roles_give_what_there_is(void **state)
{
	(void)state;
	for (int r = 0; r < set->n; r++)
		for (const char *const *p = set->list[r].perms; *p; p++)
			if (!declared(*p))
				fail_msg(
				    "%s gives %s, which no module declares", set->list[r].name, *p);
}

static void test_every_permission_can_be_had(void **state)
{
	(void)state;
	for (int m = 0; m < nmodules; m++)
		for (int i = 0; i < modules[m]->nperms; i++)
			if (!roles_have(set, ~UINT64_C(0), modules[m]->perms[i].name))
				fail_msg("no role gives %s of %s", modules[m]->perms[i].name,
				    modules[m]->name);
}

static int of_rank(int rank)
{
	return role_of_post(set, (enum rank)rank, STR("1100"));
}

static void test_ranks(void **state)
{
	(void)state;
	for (int i = 0; i < RANK_COUNT; i++) {
		assert_int_equal(rank_parse(rank_name((enum rank)i)), i);
		assert_true(of_rank(i) >= 0);
	}
	/* A higher rank may do what the lower one may. */
	for (int i = 1; i < RANK_COUNT; i++)
		for (const char *const *p = set->list[of_rank(i - 1)].perms; *p; p++)
			assert_true(role_has(&set->list[of_rank(i)], *p));
	assert_int_equal(rank_parse("社長"), -1);
	assert_int_equal(rank_parse(NULL), -1);
	assert_string_equal(rank_name(RANK_MAYOR), "市長");
	assert_int_equal(role_find(set, "no"), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_roles_give_what_there_is),
	    cmocka_unit_test(test_every_permission_can_be_had),
	    cmocka_unit_test(test_ranks),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
