/* What the files of the sandbox share: expr.c the states and runs, expr_scope.c what names mean,
 * expr_values.c the answers as values, expr_functions.c what can be called. Theirs only. */
#ifndef PROCEDURE_EXPR_PRIVATE_H
#define PROCEDURE_EXPR_PRIVATE_H

#include <lauxlib.h>
#include <lua.h>

#include "procedure/definition/private.h"

/* The run that goes on in this thread. */
struct expr_now {
	const struct expr_scope *scope;
	int64_t steps; /* left */
	bool unknown;  /* something that was not answered was compared or reckoned with */
};
struct expr_now *expr_now(lua_State *);

/* Takes steps of the run; a C function calls it for work that is no instruction. Jumps when none
 * are left. */
void expr_tick(lua_State *, int64_t n);
/* Pushes a compiled expression, or a message when it is not LUA_OK. */
int expr_push_chunk(lua_State *, const struct procedure *, int expr);

/* --- expr_scope.c --- */
/* Makes the metatables of _ENV and of `computed`. */
void expr_scope_open(lua_State *);
/* Pushes the _ENV of expressions: nothing can be set in it. */
void expr_push_environment(lua_State *);

/* --- expr_values.c --- */
/* Makes the metatables of the answers and of nil. */
void expr_values_open(lua_State *);
void expr_push_json(lua_State *, const json_t *);
/* An object or array of the answers; section: its members are that section's fields, or NULL. */
void expr_push_proxy(lua_State *, const json_t *, const struct section *);
/* The answer to a field, nil unless it fits the field's type. */
void expr_push_field(lua_State *, const json_t *object, const struct field *);
/* The object or array at that place of the stack, NULL: it is none. *section may be NULL. */
const json_t *expr_proxied(lua_State *, int index, const struct section **);
/* A new reference; NULL for nil and what JSON cannot hold. */
json_t *expr_to_json(lua_State *, int index);
/* A metatable with __index and, unless NULL, __len. */
void expr_metatable(lua_State *, const char *name, lua_CFunction index, lua_CFunction length);

/* --- expr_functions.c --- */
/* Pushes the table of functions. */
void expr_push_functions(lua_State *);

#endif
