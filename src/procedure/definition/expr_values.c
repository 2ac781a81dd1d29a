/* The answers as values of an expression: userdata that borrow json_t pointers, and nil, which is
 * what was not answered. */
#include "procedure/definition/expr_private.h"

#include <string.h>

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

void expr_push_proxy(lua_State *L, const json_t *v, const struct section *section)
{
	struct proxy *p = lua_newuserdatauv(L, sizeof(*p), 0);
	*p = (struct proxy){v, section};
	luaL_setmetatable(L, proxy_name);
}

void expr_push_json(lua_State *L, const json_t *v)
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
		expr_push_proxy(L, v, NULL);
		break;
	default:
		lua_pushnil(L);
	}
}

void expr_push_field(lua_State *L, const json_t *object, const struct field *f)
{
	const json_t *v = json_object_get(object, f->id);
	expr_push_json(L, v && (f->computed || fits(f->type, v)) ? v : NULL);
}

static int proxy_index(lua_State *L)
{
	const struct proxy *p = luaL_checkudata(L, 1, proxy_name);
	if (lua_isinteger(L, 2) && json_is_array(p->json)) {
		lua_Integer i = lua_tointeger(L, 2);
		const json_t *v = i > 0 ? json_array_get(p->json, (size_t)i - 1) : NULL;
		if (v && json_is_object(v))
			expr_push_proxy(L, v, p->section);
		else
			expr_push_json(L, v);
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
			expr_push_field(L, p->json, f);
		else
			lua_pushnil(L);
		return 1;
	}
	expr_push_json(L, json_object_get(p->json, key));
	return 1;
}

static int proxy_length(lua_State *L)
{
	const struct proxy *p = luaL_checkudata(L, 1, proxy_name);
	lua_pushinteger(L, (lua_Integer)(json_is_array(p->json) ? json_array_size(p->json)
	                                                        : json_object_size(p->json)));
	return 1;
}

const json_t *expr_proxied(lua_State *L, int i, const struct section **section)
{
	const struct proxy *p = luaL_testudata(L, i, proxy_name);
	if (section)
		*section = p ? p->section : NULL;
	return p ? p->json : NULL;
}

json_t *expr_to_json(lua_State *L, int i)
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

/* --- nil: what was not answered --- */

static int nil_index(lua_State *L)
{
	lua_pushnil(L);
	return 1;
}

static int nil_arithmetic(lua_State *L)
{
	expr_now(L)->unknown = true;
	lua_pushnil(L);
	return 1;
}

static int nil_compare(lua_State *L)
{
	expr_now(L)->unknown = true;
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

void expr_metatable(lua_State *L, const char *name, lua_CFunction index, lua_CFunction length)
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

void expr_values_open(lua_State *L)
{
	expr_metatable(L, proxy_name, proxy_index, proxy_length);
	lua_pushnil(L);
	lua_newtable(L);
	luaL_setfuncs(L, nil_methods, 0);
	lua_setmetatable(L, -2);
	lua_pop(L, 1);
}
