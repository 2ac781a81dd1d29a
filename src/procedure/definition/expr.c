/* The sandbox. What must hold:
 *
 * 1. An expression reaches only what push_name() and functions[] give it: there is no global table,
 * no library, no metatable in reach, and nothing it could change that outlives its run.
 * 2. The answers are read through userdata that borrow json_t pointers. They are used only during
 * the run that made them; values that survive in the state (chunks) have no place for them.
 * 3. Every run is bounded: instructions by a hook, live memory and the sum of allocations by the
 *    allocator, C functions over lists by tick().
 * 4. Lua errors jump: no C function here owns memory while it calls into Lua. */
#include "procedure/definition/expr.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>

#include "base/log.h"
#include "procedure/definition/private.h"

/* Chunks of this many procedures are kept in a thread. */
enum { CACHE_MAX = 32, HOOK_EVERY = 500 };

struct cached {
	uint64_t serial; /* 0: free */
	int table;       /* registry reference of the table of chunks */
	uint64_t used;   /* last turn */
};

struct lua_thread {
	lua_State *L;
	size_t bytes, limit; /* in use; bound while an expression runs, else 0 */
	size_t churn;        /* allocated in this run */
	int64_t steps;       /* left in this run */
	bool unknown;
	const struct expr_scope *scope;
	uint64_t turns;
	int functions; /* registry reference */
	struct cached cache[CACHE_MAX];
};

static pthread_key_t thread_key;
static pthread_once_t thread_once = PTHREAD_ONCE_INIT;
static _Thread_local struct lua_thread *this_thread;

static struct lua_thread *thread_of(lua_State *L)
{
	return *(struct lua_thread **)lua_getextraspace(L);
}

static void *allocate(void *arg, void *old, size_t old_size, size_t size)
{
	struct lua_thread *t = arg;
	size_t before = old ? old_size : 0;
	if (size == 0) {
		free(old);
		t->bytes -= before;
		return NULL;
	}
	if (t->limit && size > before) {
		t->churn += size;
		if (t->bytes - before + size > t->limit || t->churn > EXPR_CHURN_MAX)
			return NULL;
	}
	void *p = realloc(old, size);
	if (p)
		t->bytes += size - before;
	return p;
}

/* Takes steps of the run; a C function calls it for work that is no instruction. */
static void tick(lua_State *L, int64_t n)
{
	struct lua_thread *t = thread_of(L);
	t->steps -= n;
	if (t->steps < 0)
		luaL_error(L, "takes too many steps");
}

static void hook(lua_State *L, lua_Debug *ar)
{
	(void)ar;
	tick(L, HOOK_EVERY);
}

/* --- values --- */

/* An object or array of the answers. section: its members are that section's fields. */
struct proxy {
	const json_t *json;
	const struct section *section;
};

static const char proxy_name[] = "answers";

static bool fits(int64_t type, const json_t *v)
{
	switch (type) {
	case FIELD_NAME:
	case FIELD_FURIGANA:
	case FIELD_ADDRESS:
	case FIELD_BANK_ACCOUNT:
		return json_is_object(v);
	case FIELD_NUMBER:
		return json_is_number(v);
	case FIELD_MONEY:
		return json_is_integer(v);
	case FIELD_YES_NO:
	case FIELD_CONSENT:
		return json_is_boolean(v);
	case FIELD_MULTI_CHOICE:
	case FIELD_FILE:
		return json_is_array(v);
	case FIELD_DATE: {
		/* Anything else was typed and is no date. */
		const char *s = json_string_value(v);
		return s && strlen(s) == 10 && s[4] == '-' && s[7] == '-';
	}
	case FIELD_MY_NUMBER:
		return false; /* no rule may depend on it */
	default:
		return json_is_string(v);
	}
}

static void push_proxy(lua_State *L, const json_t *v, const struct section *section)
{
	struct proxy *p = lua_newuserdatauv(L, sizeof(*p), 0);
	*p = (struct proxy){v, section};
	luaL_setmetatable(L, proxy_name);
}

static void push_json(lua_State *L, const json_t *v)
{
	switch (v ? json_typeof(v) : JSON_NULL) {
	case JSON_STRING:
		lua_pushlstring(L, json_string_value(v), json_string_length(v));
		break;
	case JSON_INTEGER:
		lua_pushinteger(L, json_integer_value(v));
		break;
	case JSON_REAL:
		lua_pushnumber(L, json_real_value(v));
		break;
	case JSON_TRUE:
	case JSON_FALSE:
		lua_pushboolean(L, json_is_true(v));
		break;
	case JSON_OBJECT:
	case JSON_ARRAY:
		push_proxy(L, v, NULL);
		break;
	default:
		lua_pushnil(L);
	}
}

static void push_field(lua_State *L, const json_t *object, const struct field *f)
{
	const json_t *v = json_object_get(object, f->id);
	push_json(L, v && (f->computed || fits(f->type, v)) ? v : NULL);
}

static int proxy_index(lua_State *L)
{
	const struct proxy *p = luaL_checkudata(L, 1, proxy_name);
	if (lua_isinteger(L, 2) && json_is_array(p->json)) {
		lua_Integer i = lua_tointeger(L, 2);
		const json_t *v = i > 0 ? json_array_get(p->json, (size_t)i - 1) : NULL;
		if (v && json_is_object(v))
			push_proxy(L, v, p->section);
		else
			push_json(L, v);
		return 1;
	}
	if (lua_type(L, 2) != LUA_TSTRING || !json_is_object(p->json)) {
		lua_pushnil(L);
		return 1;
	}
	const char *key = lua_tostring(L, 2);
	if (p->section) {
		const struct field *f = section_field(p->section, key);
		if (f)
			push_field(L, p->json, f);
		else
			lua_pushnil(L);
		return 1;
	}
	push_json(L, json_object_get(p->json, key));
	return 1;
}

static int proxy_length(lua_State *L)
{
	const struct proxy *p = luaL_checkudata(L, 1, proxy_name);
	lua_pushinteger(L, (lua_Integer)(json_is_array(p->json) ? json_array_size(p->json)
	                                                        : json_object_size(p->json)));
	return 1;
}

/* --- nil: what was not answered --- */

static int nil_index(lua_State *L)
{
	lua_pushnil(L);
	return 1;
}

static int nil_arithmetic(lua_State *L)
{
	thread_of(L)->unknown = true;
	lua_pushnil(L);
	return 1;
}

static int nil_compare(lua_State *L)
{
	thread_of(L)->unknown = true;
	lua_pushboolean(L, 0);
	return 1;
}

static int nil_length(lua_State *L)
{
	lua_pushinteger(L, 0);
	return 1;
}

static const luaL_Reg nil_methods[] = {
    {"__index", nil_index},
    {"__len", nil_length},
    {"__lt", nil_compare},
    {"__le", nil_compare},
    {"__add", nil_arithmetic},
    {"__sub", nil_arithmetic},
    {"__mul", nil_arithmetic},
    {"__div", nil_arithmetic},
    {"__mod", nil_arithmetic},
    {"__pow", nil_arithmetic},
    {"__unm", nil_arithmetic},
    {"__idiv", nil_arithmetic},
    {"__concat", nil_arithmetic},
    {NULL, NULL},
};

/* --- functions --- */

static bool to_date(lua_State *L, int i, struct date *out)
{
	size_t n;
	if (lua_type(L, i) != LUA_TSTRING) {
		thread_of(L)->unknown |= lua_isnoneornil(L, i);
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
	return push_date(L, thread_of(L)->scope->ctx->today);
}

static int f_age(lua_State *L)
{
	struct date born, on = thread_of(L)->scope->ctx->today;
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
	const struct proxy *p = luaL_testudata(L, 1, proxy_name);
	if (p)
		empty = json_is_array(p->json) ? json_array_size(p->json) == 0
		                               : json_object_size(p->json) == 0;
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
	tick(L, (int64_t)n / 64);
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
	bool affordable = p && cost <= thread_of(L)->steps;
	bool found = affordable && pattern_matches(p, (struct str){s, n});
	arena_free(a); /* before anything jumps */
	if (!p)
		return luaL_error(L, "matches(): the pattern cannot be used: %s", what);
	tick(L, cost);
	lua_pushboolean(L, found);
	return 1;
}

/* Rows of a list: of the answers or of a table written in the expression. */
static lua_Integer list_length(lua_State *L, int i)
{
	const struct proxy *p = luaL_testudata(L, i, proxy_name);
	if (p)
		return json_is_array(p->json) ? (lua_Integer)json_array_size(p->json) : 0;
	return lua_type(L, i) == LUA_TTABLE ? (lua_Integer)lua_rawlen(L, i) : 0;
}

static void push_row(lua_State *L, int i, lua_Integer row)
{
	tick(L, 5);
	const struct proxy *p = luaL_testudata(L, i, proxy_name);
	if (!p) {
		lua_rawgeti(L, i, row);
		return;
	}
	const json_t *v = json_array_get(p->json, (size_t)row - 1);
	if (json_is_object(v))
		push_proxy(L, v, p->section);
	else
		push_json(L, v);
}

/* Calls the function on top of the stack with its argument. A row in which something was not
 * answered says nothing about the list as a whole: unknown stays as it was. */
static void call_for_row(lua_State *L)
{
	bool unknown = thread_of(L)->unknown;
	lua_call(L, 1, 1);
	thread_of(L)->unknown = unknown;
}

/* Calls the function (argument 2) on each row; counts those for which it is true. */
static lua_Integer count_rows(lua_State *L, bool stop_at, bool stop)
{
	lua_Integer n = list_length(L, 1), found = 0;
	luaL_checktype(L, 2, LUA_TFUNCTION);
	lua_settop(L, 2);
	for (lua_Integer i = 1; i <= n; i++) {
		lua_pushvalue(L, 2);
		push_row(L, 1, i);
		call_for_row(L);
		bool yes = lua_toboolean(L, -1);
		lua_pop(L, 1);
		found += yes;
		if (stop && yes == stop_at)
			break;
	}
	return found;
}

static int f_count(lua_State *L)
{
	lua_pushinteger(L, lua_isnoneornil(L, 2) ? list_length(L, 1) : count_rows(L, false, false));
	return 1;
}

static int f_any(lua_State *L)
{
	lua_pushboolean(L, count_rows(L, true, true) > 0);
	return 1;
}

/* The first row for which the function is true; nil: none. */
static int f_find(lua_State *L)
{
	lua_Integer n = list_length(L, 1);
	luaL_checktype(L, 2, LUA_TFUNCTION);
	lua_settop(L, 2);
	for (lua_Integer i = 1; i <= n; i++) {
		lua_pushvalue(L, 2);
		push_row(L, 1, i);
		call_for_row(L);
		if (lua_toboolean(L, -1)) {
			push_row(L, 1, i);
			return 1;
		}
		lua_pop(L, 1);
	}
	lua_pushnil(L);
	return 1;
}

static int f_all(lua_State *L)
{
	lua_Integer n = list_length(L, 1);
	lua_pushboolean(L, count_rows(L, false, true) == n);
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
	tick(L, n);
	for (int i = 1; i <= n; i++) {
		if (lua_type(L, i) != LUA_TNUMBER) {
			thread_of(L)->unknown |= lua_isnil(L, i);
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
		thread_of(L)->unknown |= lua_isnoneornil(L, 1);
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

static const luaL_Reg functions[] = {
    {"today", f_today},
    {"age", f_age},
    {"days_between", f_days_between},
    {"add_days", f_add_days},
    {"add_months", f_add_months},
    {"fiscal_year", f_fiscal_year},
    {"is_empty", f_is_empty},
    {"length", f_length},
    {"starts_with", f_starts_with},
    {"matches", f_matches},
    {"count", f_count},
    {"any", f_any},
    {"find", f_find},
    {"all", f_all},
    {"sum", f_sum},
    {"contains", f_contains},
    {"min", f_min},
    {"max", f_max},
    {"floor", f_floor},
    {"ceil", f_ceil},
    {NULL, NULL},
};

const char *const expr_functions[] = {"today", "age", "days_between", "add_days", "add_months",
    "fiscal_year", "is_empty", "length", "starts_with", "matches", "count", "any", "find", "all",
    "sum", "contains", "min", "max", "floor", "ceil", NULL};
const struct expr_arity expr_arities[] = {{0, 0}, {1, 2}, {2, 2}, {2, 2}, {2, 2}, {1, 1}, {1, 1},
    {1, 1}, {2, 2}, {2, 2}, {1, 2}, {2, 2}, {2, 2}, {2, 2}, {2, 2}, {2, 2}, {1, 99}, {1, 99},
    {1, 1}, {1, 1}};
_Static_assert(COUNT(expr_functions) == COUNT(functions), "a name for each function");
_Static_assert(COUNT(expr_arities) + 1 == COUNT(functions), "and how it is called");

const char *const expr_constants[] = {"applicant_kind", "fee", "outcome", NULL};

/* --- names --- */

static int push_chunk(lua_State *L, const struct procedure *, int expr);

/* Pushes the value of an expression of the procedure itself: it sees no field of its own. When it
 * fails, the whole run ends, and nobody looks at t->scope again. */
static void push_value_of(lua_State *L, int expr)
{
	struct lua_thread *t = thread_of(L);
	const struct expr_scope *outer = t->scope;
	struct expr_scope scope = {.p = outer->p, .ctx = outer->ctx, .answers = outer->answers};
	luaL_checkstack(L, 8, NULL);
	if (expr == NO_EXPR || push_chunk(L, outer->p, expr) != LUA_OK) {
		lua_pushnil(L);
		return;
	}
	t->scope = &scope;
	lua_call(L, 0, 1);
	t->scope = outer;
}

/* A computed value is worked out where it is used: it may be asked for before submission. */
static void push_computed(lua_State *L, int i)
{
	const struct expr_scope *s = thread_of(L)->scope;
	push_value_of(L, ((const struct computed *)s->p->d.computed.items)[i].expr);
}

static void push_fee(lua_State *L)
{
	const struct expr_scope *s = thread_of(L)->scope;
	const struct fee *fee = &s->p->d.fee;
	if (s->ctx->fee_yen >= 0)
		lua_pushinteger(L, s->ctx->fee_yen);
	else if (fee->expr == NO_EXPR)
		lua_pushinteger(L, fee->amount > 0 ? fee->amount : 0);
	else
		push_value_of(L, fee->expr);
}

static void push_section(lua_State *L, const struct expr_scope *s, const struct section *section)
{
	const json_t *v = json_object_get(s->answers, section->id);
	if (section->repeats ? json_is_array(v) : json_is_object(v))
		push_proxy(L, v, section);
	else
		lua_pushnil(L);
}

static int computed_index(lua_State *L)
{
	const struct expr_scope *s = thread_of(L)->scope;
	const char *key = luaL_checkstring(L, 2);
	for (int i = 0; i < s->p->d.computed.n; i++)
		if (strcmp(((const struct computed *)s->p->d.computed.items)[i].id, key) == 0) {
			push_computed(L, i);
			return 1;
		}
	lua_pushnil(L);
	return 1;
}

static void push_name(lua_State *L, const char *text, size_t n)
{
	const struct expr_scope *s = thread_of(L)->scope;
	if (strcmp(text, "value") == 0) {
		push_json(L, s->value);
		return;
	}
	if (strcmp(text, "item") == 0) {
		if (s->item && json_is_object(s->item))
			push_proxy(L, s->item, s->section);
		else
			lua_pushnil(L);
		return;
	}
	const struct field *own = s->section ? section_field(s->section, text) : NULL;
	if (own) {
		push_field(L,
		    s->section->repeats ? s->item : json_object_get(s->answers, s->section->id),
		    own);
		return;
	}
	const struct name *name = name_find(s->p, text, n);
	if (name && name->kind == NAME_SECTION) {
		push_section(L, s, name->section);
	} else if (name && name->kind == NAME_FIELD && !name->section->repeats) {
		push_field(L, json_object_get(s->answers, name->section->id), name->field);
	} else if (name && name->kind == NAME_COMPUTED) {
		push_computed(L, name->computed);
	} else if (strcmp(text, "fee") == 0) {
		push_fee(L);
	} else if (strcmp(text, "applicant_kind") == 0) {
		lua_pushstring(L, s->ctx->applicant_kind);
	} else if (strcmp(text, "outcome") == 0) {
		lua_pushstring(L, s->ctx->outcome);
	} else if (strcmp(text, "computed") == 0) {
		lua_newuserdatauv(L, 0, 0);
		luaL_setmetatable(L, "computed");
	} else {
		lua_pushnil(L);
	}
}

/* __index of every expression's _ENV. */
static int env_index(lua_State *L)
{
	size_t n;
	if (lua_type(L, 2) != LUA_TSTRING)
		return luaL_error(L, "no such name");
	lua_pushvalue(L, 2);
	if (lua_rawget(L, lua_upvalueindex(1)) != LUA_TNIL)
		return 1;
	const char *text = lua_tolstring(L, 2, &n);
	push_name(L, text, n);
	return 1;
}

/* --- chunks --- */

static int load_text(lua_State *L, const char *text)
{
	luaL_Buffer b; /* "return " in front: an expression, not statements */
	luaL_buffinit(L, &b);
	luaL_addstring(&b, "return ");
	luaL_addstring(&b, text);
	luaL_pushresult(&b);
	size_t n;
	const char *chunk = lua_tolstring(L, -1, &n);
	int rc = luaL_loadbufferx(L, chunk, n, "=expression", "t");
	lua_remove(L, -2);
	return rc;
}

static struct cached *cache_slot(lua_State *L, struct lua_thread *t, uint64_t serial)
{
	struct cached *oldest = &t->cache[0];
	for (int i = 0; i < CACHE_MAX; i++) {
		struct cached *c = &t->cache[i];
		if (c->serial == serial) {
			c->used = ++t->turns;
			return c;
		}
		if (c->used < oldest->used)
			oldest = c;
	}
	if (oldest->serial)
		luaL_unref(L, LUA_REGISTRYINDEX, oldest->table);
	oldest->serial = 0;
	lua_newtable(L);
	oldest->table = luaL_ref(L, LUA_REGISTRYINDEX);
	oldest->serial = serial;
	oldest->used = ++t->turns;
	return oldest;
}

/* Pushes the compiled expression, compiling it on first use in this thread. */
static int push_chunk(lua_State *L, const struct procedure *p, int expr)
{
	struct lua_thread *t = thread_of(L);
	struct cached *c = cache_slot(L, t, p->serial);
	lua_rawgeti(L, LUA_REGISTRYINDEX, c->table);
	if (lua_rawgeti(L, -1, expr + 1) == LUA_TFUNCTION) {
		lua_remove(L, -2);
		return LUA_OK;
	}
	lua_pop(L, 1);
	int rc = load_text(L, p->exprs[expr].text);
	if (rc == LUA_OK) {
		/* The chunk's first upvalue is _ENV (Lua 5.4 manual §4.6, lua_load). */
		lua_newuserdatauv(L, 0, 0);
		luaL_setmetatable(L, "environment");
		lua_setupvalue(L, -2, 1);
		lua_pushvalue(L, -1);
		lua_rawseti(L, -3, expr + 1);
	}
	lua_remove(L, -2);
	return rc;
}

/* --- states --- */

static void thread_free(void *arg)
{
	struct lua_thread *t = arg;
	t->limit = 0;
	lua_close(t->L);
	free(t);
	this_thread = NULL;
}

static void make_key(void)
{
	if (pthread_key_create(&thread_key, thread_free) != 0)
		abort();
}

static void metatable(lua_State *L, const char *name, lua_CFunction index, lua_CFunction length)
{
	luaL_newmetatable(L, name);
	lua_pushcfunction(L, index);
	lua_setfield(L, -2, "__index");
	if (length) {
		lua_pushcfunction(L, length);
		lua_setfield(L, -2, "__len");
	}
	lua_pop(L, 1);
}

static struct lua_thread *thread_get(void)
{
	if (this_thread)
		return this_thread;
	pthread_once(&thread_once, make_key);
	struct lua_thread *t = calloc(1, sizeof(*t));
	if (!t)
		abort();
	lua_State *L = t->L = lua_newstate(allocate, t);
	if (!L)
		abort();
	*(struct lua_thread **)lua_getextraspace(L) = t;
	metatable(L, proxy_name, proxy_index, proxy_length);
	metatable(L, "computed", computed_index, NULL);
	luaL_newmetatable(L, "environment");
	lua_newtable(L);
	luaL_setfuncs(L, functions, 0);
	lua_pushcclosure(L, env_index, 1);
	lua_setfield(L, -2, "__index");
	lua_pop(L, 1);
	lua_pushnil(L);
	lua_newtable(L);
	luaL_setfuncs(L, nil_methods, 0);
	lua_setmetatable(L, -2);
	lua_pop(L, 1);
	if (pthread_setspecific(thread_key, t) != 0)
		abort();
	this_thread = t;
	return t;
}

struct run {
	int expr;
	bool want_value;
	struct expr_result *result;
};

static json_t *to_json(lua_State *L, int i)
{
	switch (lua_type(L, i)) {
	case LUA_TBOOLEAN:
		return json_boolean(lua_toboolean(L, i));
	case LUA_TNUMBER:
		if (lua_isinteger(L, i))
			return json_integer(lua_tointeger(L, i));
		return json_real(lua_tonumber(L, i)); /* NULL for what is no number */
	case LUA_TSTRING: {
		size_t n;
		const char *s = lua_tolstring(L, i, &n);
		return json_stringn(s, n);
	}
	default:
		return NULL;
	}
}

static int run_protected(lua_State *L)
{
	struct run *run = lua_touserdata(L, 1);
	struct lua_thread *t = thread_of(L);
	if (push_chunk(L, t->scope->p, run->expr) != LUA_OK)
		return lua_error(L);
	/* Compiling is not the expression's own work. */
	t->churn = 0;
	t->limit = t->bytes + EXPR_BYTES_MAX;
	lua_call(L, 0, 1);
	run->result->truth = lua_toboolean(L, -1);
	run->result->unknown = t->unknown;
	t->limit = 0;
	if (run->want_value)
		run->result->value = to_json(L, -1);
	return 0;
}

int expr_run(const struct expr_scope *scope, int expr, bool want_value, struct expr_result *result,
    struct err *err)
{
	struct lua_thread *t = thread_get();
	lua_State *L = t->L;
	struct run run = {expr, want_value, result};
	*result = (struct expr_result){0};
	t->scope = scope;
	t->steps = EXPR_STEPS_MAX;
	t->unknown = false;
	lua_sethook(L, hook, LUA_MASKCOUNT, HOOK_EVERY);
	lua_settop(L, 0);
	lua_pushcfunction(L, run_protected);
	lua_pushlightuserdata(L, &run);
	int rc = lua_pcall(L, 1, 0, 0);
	t->limit = 0;
	t->scope = NULL;
	if (rc == LUA_OK)
		return 0;
	const struct expr *e = &scope->p->exprs[expr];
	const char *what = lua_tostring(L, -1);
	rc = err_set(err, ERR_INTERNAL, NULL, "%s:%d:%d: %s", scope->p->file, e->line, e->column,
	    what ? what : "failed");
	lua_settop(L, 0);
	return rc;
}

bool expr_true(const struct expr_scope *scope, int expr)
{
	struct expr_result result;
	struct err err;
	if (expr == NO_EXPR)
		return true;
	if (expr_run(scope, expr, false, &result, &err) == 0)
		return result.truth;
	log_err("procedure.expression", &err);
	return false;
}

static int check_protected(lua_State *L)
{
	if (load_text(L, lua_touserdata(L, 1)) != LUA_OK)
		return lua_error(L);
	return 0;
}

void expr_compile_check(const struct expr *e, struct problems *ps)
{
	lua_State *L = thread_get()->L;
	lua_settop(L, 0);
	lua_pushcfunction(L, check_protected);
	lua_pushlightuserdata(L, (void *)e->text);
	if (lua_pcall(L, 1, 0, 0) != LUA_OK) {
		/* "expression:1: unexpected symbol near 'x'" */
		const char *what = lua_tostring(L, -1);
		int line = 0;
		const char *colon = what ? strchr(what, ':') : NULL;
		if (colon) {
			line = (int)strtol(colon + 1, NULL, 10) - 1;
			const char *second = strchr(colon + 1, ':');
			what = second ? second + 2 : colon + 1;
		}
		problem_add(ps, e->line + (line > 0 ? line : 0), e->column,
		    "write a Lua expression: ==, ~=, and, or, not, 'text'",
		    "the expression `%.60s` cannot be read: %s", e->text, what ? what : "");
	}
	lua_settop(L, 0);
}
