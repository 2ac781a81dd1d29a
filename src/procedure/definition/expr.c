/* The sandbox. What must hold:
 *
 * 1. An expression reaches only what expr_scope.c and expr_functions.c give it: there is no global
 *    table, no library, no metatable in reach, and nothing it could change that outlives its run.
 * 2. The answers are read through userdata that borrow json_t pointers. They are used only during
 *    the run that made them. What survives a run in the state is a chunk, and its only place for a
 *    value, the upvalue _ENV that it may assign to, is set anew for each run.
 * 3. Every run is bounded: instructions by a hook, live memory and the sum of allocations by the
 *    allocator, C functions over lists by expr_tick(), comparing and joining texts by their length.
 * 4. Lua errors jump: no C function here owns memory while it calls into Lua. */
#include "procedure/definition/expr_private.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"

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
	struct expr_now now;
	uint64_t turns;
	struct cached cache[CACHE_MAX];
};

static pthread_key_t thread_key;
static pthread_once_t thread_once = PTHREAD_ONCE_INIT;
static _Thread_local struct lua_thread *this_thread;

static struct lua_thread *thread_of(lua_State *L)
{
	return *(struct lua_thread **)lua_getextraspace(L);
}

struct expr_now *expr_now(lua_State *L)
{
	return &thread_of(L)->now;
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
	/* For a new object old_size says of which kind (Lua 5.4 manual §4.6, lua_Alloc). */
	if (t->limit && !old && old_size == LUA_TSTRING && size > EXPR_STRING_MAX)
		return NULL;
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

void expr_tick(lua_State *L, int64_t n)
{
	struct expr_now *now = expr_now(L);
	now->steps -= n;
	if (now->steps < 0)
		luaL_error(L, "takes too many steps");
}

static void hook(lua_State *L, lua_Debug *ar)
{
	(void)ar;
	expr_tick(L, HOOK_EVERY);
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

/* Compiles it on first use in this thread. */
int expr_push_chunk(lua_State *L, const struct procedure *p, int expr)
{
	struct lua_thread *t = thread_of(L);
	struct cached *c = cache_slot(L, t, p->serial);
	lua_rawgeti(L, LUA_REGISTRYINDEX, c->table);
	int rc = LUA_OK;
	if (lua_rawgeti(L, -1, expr + 1) != LUA_TFUNCTION) {
		lua_pop(L, 1);
		rc = load_text(L, p->exprs[expr].text);
		if (rc == LUA_OK) {
			lua_pushvalue(L, -1);
			lua_rawseti(L, -3, expr + 1);
		}
	}
	if (rc == LUA_OK) {
		/* The chunk's first upvalue is _ENV (Lua 5.4 manual §4.6, lua_load). */
		expr_push_environment(L);
		lua_setupvalue(L, -2, 1);
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
	expr_values_open(L);
	expr_scope_open(L);
	if (pthread_setspecific(thread_key, t) != 0)
		abort();
	this_thread = t;
	return t;
}

/* --- runs --- */

struct run {
	int expr;
	bool want_value;
	struct expr_result *result;
};

static int run_protected(lua_State *L)
{
	struct run *run = lua_touserdata(L, 1);
	struct lua_thread *t = thread_of(L);
	if (expr_push_chunk(L, t->now.scope->p, run->expr) != LUA_OK)
		return lua_error(L);
	/* Compiling is not the expression's own work. */
	t->churn = 0;
	t->limit = t->bytes + EXPR_BYTES_MAX;
	lua_call(L, 0, 1);
	run->result->truth = lua_toboolean(L, -1);
	run->result->unknown = t->now.unknown;
	t->limit = 0;
	if (run->want_value)
		run->result->value = expr_to_json(L, -1);
	return 0;
}

int expr_run(const struct expr_scope *scope, int expr, bool want_value, struct expr_result *result,
    struct err *err)
{
	struct lua_thread *t = thread_get();
	lua_State *L = t->L;
	struct run run = {expr, want_value, result};
	*result = (struct expr_result){0};
	t->now = (struct expr_now){.scope = scope, .steps = EXPR_STEPS_MAX};
	lua_sethook(L, hook, LUA_MASKCOUNT, HOOK_EVERY);
	lua_settop(L, 0);
	lua_pushcfunction(L, run_protected);
	lua_pushlightuserdata(L, &run);
	int rc = lua_pcall(L, 1, 0, 0);
	t->limit = 0;
	t->now.scope = NULL;
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

/* --- looking without running --- */

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
		problem_add(ps, e->line + (line > 0 ? line : 0), e->column, expr_remedy(e->text),
		    "the expression `%.60s` cannot be read: %s", e->text, what ? what : "");
	}
	lua_settop(L, 0);
}
