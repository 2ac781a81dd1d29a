/* What a name of an expression means: a field, a section, a computed value, a function. */
#include "procedure/definition/expr_private.h"

#include <string.h>

static const char environment_name[] = "environment", computed_name[] = "computed";

const char *const expr_constants[] = {
    "applicant_kind", "fee", "mandate_on_record", "outcome", NULL};

/* Pushes the value of an expression of the procedure itself: it sees no field of its own. When it
 * fails, the whole run ends, and nobody looks at its scope again. */
static void push_value_of(lua_State *L, int expr)
{
	struct expr_now *now = expr_now(L);
	const struct expr_scope *outer = now->scope;
	struct expr_scope scope = {.p = outer->p, .ctx = outer->ctx, .answers = outer->answers};
	luaL_checkstack(L, 8, NULL);
	if (expr == NO_EXPR || expr_push_chunk(L, outer->p, expr) != LUA_OK) {
		lua_pushnil(L);
		return;
	}
	now->scope = &scope;
	lua_call(L, 0, 1);
	now->scope = outer;
}

/* A computed value is worked out where it is used: it may be asked for before submission. */
static void push_computed(lua_State *L, int i)
{
	const struct expr_scope *s = expr_now(L)->scope;
	push_value_of(L, ((const struct computed *)s->p->d.computed.items)[i].expr);
}

static void push_fee(lua_State *L)
{
	const struct expr_scope *s = expr_now(L)->scope;
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
		expr_push_proxy(L, v, section);
	else
		lua_pushnil(L);
}

static int computed_index(lua_State *L)
{
	const struct expr_scope *s = expr_now(L)->scope;
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
	const struct expr_scope *s = expr_now(L)->scope;
	if (strcmp(text, "value") == 0) {
		expr_push_json(L, s->value);
		return;
	}
	if (strcmp(text, "item") == 0) {
		if (s->item && json_is_object(s->item))
			expr_push_proxy(L, s->item, s->section);
		else
			lua_pushnil(L);
		return;
	}
	const struct field *own = s->section ? section_field(s->section, text) : NULL;
	if (own) {
		expr_push_field(L,
		    s->section->repeats ? s->item : json_object_get(s->answers, s->section->id),
		    own);
		return;
	}
	const struct name *name = name_find(s->p, text, n);
	if (name && name->kind == NAME_SECTION) {
		push_section(L, s, name->section);
	} else if (name && name->kind == NAME_FIELD && !name->section->repeats) {
		expr_push_field(L, json_object_get(s->answers, name->section->id), name->field);
	} else if (name && name->kind == NAME_COMPUTED) {
		push_computed(L, name->computed);
	} else if (strcmp(text, "fee") == 0) {
		push_fee(L);
	} else if (strcmp(text, "applicant_kind") == 0) {
		lua_pushstring(L, s->ctx->applicant_kind);
	} else if (strcmp(text, "mandate_on_record") == 0) {
		lua_pushboolean(L, s->ctx->mandate_on_record);
	} else if (strcmp(text, "outcome") == 0) {
		lua_pushstring(L, s->ctx->outcome);
	} else if (strcmp(text, "computed") == 0) {
		lua_newuserdatauv(L, 0, 0);
		luaL_setmetatable(L, computed_name);
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

void expr_push_environment(lua_State *L)
{
	lua_rawgetp(L, LUA_REGISTRYINDEX, environment_name);
}

void expr_scope_open(lua_State *L)
{
	expr_metatable(L, computed_name, computed_index, NULL);
	luaL_newmetatable(L, environment_name);
	expr_push_functions(L);
	lua_pushcclosure(L, env_index, 1);
	lua_setfield(L, -2, "__index");
	lua_pop(L, 1);
	lua_newuserdatauv(L, 0, 0);
	luaL_setmetatable(L, environment_name);
	lua_rawsetp(L, LUA_REGISTRYINDEX, environment_name);
}
