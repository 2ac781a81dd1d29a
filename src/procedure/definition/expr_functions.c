/* The functions an expression may call. Lua errors jump: none owns memory while it calls into Lua.
 */
#include "procedure/definition/expr_private.h"

#include <string.h>

static bool to_date(lua_State *L, int i, struct date *out)
{
	size_t n;
	if (lua_type(L, i) != LUA_TSTRING) {
		expr_now(L)->unknown |= lua_isnoneornil(L, i);
		return false;
	}
	const char *s = lua_tolstring(L, i, &n);
	return n == 10 && s[4] == '-' && date_parse((struct str){s, n}, out);
}

static int push_date(lua_State *L, struct date d)
{
	char text[32];
	if (d.year <= 0)
		lua_pushnil(L);
	else
		lua_pushlstring(L, text,
		    (size_t)snprintf(text, sizeof(text), "%04d-%02d-%02d", d.year, d.month, d.day));
	return 1;
}

static int f_today(lua_State *L)
{
	return push_date(L, expr_now(L)->scope->ctx->today);
}

static int f_age(lua_State *L)
{
	struct date born, on = expr_now(L)->scope->ctx->today;
	if (!to_date(L, 1, &born) || (!lua_isnone(L, 2) && !to_date(L, 2, &on)))
		lua_pushnil(L);
	else
		lua_pushinteger(L, date_age(born, on));
	return 1;
}

static int f_days_between(lua_State *L)
{
	struct date a, b;
	if (!to_date(L, 1, &a) || !to_date(L, 2, &b))
		lua_pushnil(L);
	else
		lua_pushinteger(L, date_to_days(b) - date_to_days(a));
	return 1;
}

static int add_to_date(lua_State *L, struct date (*add)(struct date, int))
{
	struct date d;
	lua_Integer n = luaL_checkinteger(L, 2);
	if (!to_date(L, 1, &d) || n < -100000 || n > 100000) {
		lua_pushnil(L);
		return 1;
	}
	return push_date(L, add(d, (int)n));
}

static int f_add_days(lua_State *L)
{
	return add_to_date(L, date_add_days);
}

static int f_add_months(lua_State *L)
{
	return add_to_date(L, date_add_months);
}

static int f_fiscal_year(lua_State *L)
{
	struct date d;
	if (to_date(L, 1, &d))
		lua_pushinteger(L, date_fiscal_year(d));
	else
		lua_pushnil(L);
	return 1;
}

static int f_is_empty(lua_State *L)
{
	bool empty = lua_isnoneornil(L, 1);
	if (lua_type(L, 1) == LUA_TSTRING || lua_type(L, 1) == LUA_TTABLE)
		empty = lua_rawlen(L, 1) == 0;
	const json_t *v = expr_proxied(L, 1, NULL);
	if (v)
		empty = json_is_array(v) ? json_array_size(v) == 0 : json_object_size(v) == 0;
	lua_pushboolean(L, empty);
	return 1;
}

static int f_length(lua_State *L)
{
	size_t n;
	if (lua_type(L, 1) != LUA_TSTRING) {
		lua_pushinteger(L, 0);
		return 1;
	}
	const char *s = lua_tolstring(L, 1, &n);
	expr_tick(L, (int64_t)n / 64);
	lua_pushinteger(L, (lua_Integer)utf8_length((struct str){s, n}));
	return 1;
}

static int f_starts_with(lua_State *L)
{
	size_t n = 0, m = 0;
	bool texts = lua_type(L, 1) == LUA_TSTRING && lua_type(L, 2) == LUA_TSTRING;
	const char *s = texts ? lua_tolstring(L, 1, &n) : "",
	           *t = texts ? lua_tolstring(L, 2, &m) : "";
	lua_pushboolean(L, texts && n >= m && memcmp(s, t, m) == 0);
	return 1;
}

static int f_matches(lua_State *L)
{
	enum { SUBJECT_MAX = 4000 };
	size_t n, m;
	if (lua_type(L, 1) != LUA_TSTRING) {
		lua_pushboolean(L, 0);
		return 1;
	}
	const char *s = lua_tolstring(L, 1, &n), *t = luaL_checklstring(L, 2, &m);
	if (n > SUBJECT_MAX)
		return luaL_error(L, "matches(): the text is too long");
	struct arena *a = arena_new();
	const char *what = NULL;
	struct pattern *p = pattern_compile(a, (struct str){t, m}, &what);
	int64_t cost = p ? (int64_t)pattern_cost(p, (struct str){s, n}) / 16 + 200 : 0;
	bool affordable = p && cost <= expr_now(L)->steps;
	bool found = affordable && pattern_matches(p, (struct str){s, n});
	arena_free(a); /* before anything jumps */
	if (!p)
		return luaL_error(L, "matches(): the pattern cannot be used: %s", what);
	expr_tick(L, cost);
	lua_pushboolean(L, found);
	return 1;
}

/* Rows of a list: of the answers or of a table written in the expression. */
static lua_Integer list_length(lua_State *L, int i)
{
	const json_t *v = expr_proxied(L, i, NULL);
	if (v)
		return (lua_Integer)json_array_size(v); /* 0 when it is no array */
	return lua_type(L, i) == LUA_TTABLE ? (lua_Integer)lua_rawlen(L, i) : 0;
}

static void push_row(lua_State *L, int i, lua_Integer row)
{
	expr_tick(L, 5);
	const struct section *section;
	const json_t *list = expr_proxied(L, i, &section);
	if (!list) {
		lua_rawgeti(L, i, row);
		return;
	}
	const json_t *v = json_array_get(list, (size_t)row - 1);
	if (json_is_object(v))
		expr_push_proxy(L, v, section);
	else
		expr_push_json(L, v);
}

/* Calls the function on top of the stack with its argument. A row in which something was not
 * answered says nothing about the list as a whole: unknown stays as it was. */
static void call_for_row(lua_State *L)
{
	bool unknown = expr_now(L)->unknown;
	lua_call(L, 1, 1);
	expr_now(L)->unknown = unknown;
}

/* The first row, from `from` on, for which the function (argument 2) says what is wanted; 0: none.
 */
static lua_Integer row_where(lua_State *L, lua_Integer from, bool wanted)
{
	lua_Integer n = list_length(L, 1);
	luaL_checktype(L, 2, LUA_TFUNCTION);
	lua_settop(L, 2);
	for (lua_Integer i = from; i <= n; i++) {
		lua_pushvalue(L, 2);
		push_row(L, 1, i);
		call_for_row(L);
		bool yes = lua_toboolean(L, -1);
		lua_pop(L, 1);
		if (yes == wanted)
			return i;
	}
	return 0;
}

static int f_count(lua_State *L)
{
	lua_Integer found = 0;
	if (lua_isnoneornil(L, 2))
		found = list_length(L, 1);
	else
		for (lua_Integer i = 0; (i = row_where(L, i + 1, true)) > 0;)
			found++;
	lua_pushinteger(L, found);
	return 1;
}

static int f_any(lua_State *L)
{
	lua_pushboolean(L, row_where(L, 1, true) > 0);
	return 1;
}

/* The first row for which the function is true; nil: none. */
static int f_find(lua_State *L)
{
	lua_Integer i = row_where(L, 1, true);
	if (i > 0)
		push_row(L, 1, i);
	else
		lua_pushnil(L);
	return 1;
}

static int f_all(lua_State *L)
{
	lua_pushboolean(L, row_where(L, 1, false) == 0);
	return 1;
}

static int f_sum(lua_State *L)
{
	lua_Integer n = list_length(L, 1), whole = 0;
	lua_Number part = 0;
	bool real = false, by_function = lua_type(L, 2) == LUA_TFUNCTION;
	const char *key = by_function ? NULL : luaL_checkstring(L, 2);
	for (lua_Integer i = 1; i <= n; i++) {
		if (by_function)
			lua_pushvalue(L, 2);
		else
			lua_pushnil(L); /* so that two are to be popped either way */
		push_row(L, 1, i);
		if (by_function) {
			call_for_row(L);
			lua_pushnil(L);
			lua_insert(L, -2);
		} else {
			lua_getfield(L, -1, key);
			lua_remove(L, -2);
		}
		if (lua_isinteger(L, -1)) {
			lua_Integer v = lua_tointeger(L, -1);
			if (__builtin_add_overflow(whole, v, &whole))
				return luaL_error(L, "sum(): too large");
		} else if (lua_type(L, -1) == LUA_TNUMBER) {
			part += lua_tonumber(L, -1);
			real = true;
		}
		lua_pop(L, 2);
	}
	if (real)
		lua_pushnumber(L, part + (lua_Number)whole);
	else
		lua_pushinteger(L, whole);
	return 1;
}

static int f_contains(lua_State *L)
{
	lua_Integer n = list_length(L, 1);
	bool found = false;
	for (lua_Integer i = 1; i <= n && !found; i++) {
		push_row(L, 1, i);
		found = lua_rawequal(L, -1, 2);
		lua_pop(L, 1);
	}
	lua_pushboolean(L, found);
	return 1;
}

static int extreme(lua_State *L, int wanted)
{
	int best = 0, n = lua_gettop(L);
	expr_tick(L, n);
	for (int i = 1; i <= n; i++) {
		if (lua_type(L, i) != LUA_TNUMBER) {
			expr_now(L)->unknown |= lua_isnil(L, i);
			continue;
		}
		if (!best || lua_compare(L, i, best, LUA_OPLT) == wanted)
			best = i;
	}
	if (best)
		lua_pushvalue(L, best);
	else
		lua_pushnil(L);
	return 1;
}

static int f_min(lua_State *L)
{
	return extreme(L, 1);
}

static int f_max(lua_State *L)
{
	return extreme(L, 0);
}

static int rounded(lua_State *L, bool up)
{
	if (lua_isinteger(L, 1)) {
		lua_settop(L, 1);
		return 1;
	}
	if (lua_type(L, 1) != LUA_TNUMBER) {
		expr_now(L)->unknown |= lua_isnoneornil(L, 1);
		lua_pushnil(L);
		return 1;
	}
	lua_Number v = lua_tonumber(L, 1);
	if (!(v > -1e15 && v < 1e15))
		return luaL_error(L, "the number is too large");
	lua_Integer whole = (lua_Integer)v;
	if (up && (lua_Number)whole < v)
		whole++;
	if (!up && (lua_Number)whole > v)
		whole--;
	lua_pushinteger(L, whole);
	return 1;
}

static int f_floor(lua_State *L)
{
	return rounded(L, false);
}

static int f_ceil(lua_State *L)
{
	return rounded(L, true);
}

/* Each with the least and the most arguments it takes. */
/* clang-format off */
#define FUNCTIONS(X) \
	X(today, 0, 0) X(age, 1, 2) X(days_between, 2, 2) X(add_days, 2, 2) \
	X(add_months, 2, 2) X(fiscal_year, 1, 1) X(is_empty, 1, 1) X(length, 1, 1) \
	X(starts_with, 2, 2) X(matches, 2, 2) X(count, 1, 2) X(any, 2, 2) \
	X(find, 2, 2) X(all, 2, 2) X(sum, 2, 2) X(contains, 2, 2) \
	X(min, 1, EXPR_ANY_MANY) X(max, 1, EXPR_ANY_MANY) X(floor, 1, 1) X(ceil, 1, 1)
/* clang-format on */

static const luaL_Reg functions[] = {
#define X(name, least, most) {#name, f_##name},
    FUNCTIONS(X)
#undef X
        {NULL, NULL},
};

const char *const expr_functions[] = {
#define X(name, least, most) #name,
    FUNCTIONS(X)
#undef X
        NULL,
};

const struct expr_arity expr_arities[] = {
#define X(name, least, most) {least, most},
    FUNCTIONS(X)
#undef X
};

void expr_push_functions(lua_State *L)
{
	lua_newtable(L);
	luaL_setfuncs(L, functions, 0);
}
