/* Expressions of definitions: Lua 5.4 in a sandbox. Private to the module.
 *
 * Each thread has one Lua state, made when it is first needed. It keeps the compiled chunks of the
 * procedures it met last, found by struct procedure.serial. Answers are not copied: userdata refer
 * to the json_t values, which must not change while an expression runs. There is no way from an
 * expression to files, time, other libraries or to memory that outlives it; instructions and memory
 * are counted. */
#ifndef PROCEDURE_EXPR_H
#define PROCEDURE_EXPR_H

#include <jansson.h>
#include <stdbool.h>

#include "base/err.h"
#include "procedure/definition.h"
#include "procedure/definition/yaml.h"

enum {
	EXPR_STEPS_MAX = 100000,
	EXPR_BYTES_MAX = 512 * 1024,
	EXPR_CHURN_MAX = 8 * 1024 * 1024,
	EXPR_STRING_MAX = 32 * 1024, /* comparing texts is one instruction, however long they are */
	EXPR_TEXT_MAX = 2000
};

struct expr {
	const char *text;
	int line, column;
};

/* What an expression sees. */
struct expr_scope {
	const struct procedure *p;
	const struct form_context *ctx;
	json_t *answers;
	const struct section *section; /* of item and value; may be NULL */
	const json_t *item;            /* present row of a repeating group; NULL: none */
	const json_t *value;           /* the field's own value; NULL: none */
};

/* What came of it. unknown: it compared or reckoned with something that was not answered. */
struct expr_result {
	bool truth;
	bool unknown;
	json_t *value; /* when wanted: new reference; NULL for nil and what JSON cannot hold */
};

/* A failing expression (an error in it, or a limit) is ERR_INTERNAL with file and line. */
int expr_run(
    const struct expr_scope *, int expr, bool want_value, struct expr_result *, struct err *);

/* The truth of an expression; NO_EXPR is true. One that fails is logged and false. */
bool expr_true(const struct expr_scope *, int expr);

/* Compiles without running: a syntax error becomes a problem at the expression's place. */
void expr_compile_check(const struct expr *, struct problems *);

/* Calls each for every chain of names in the text that does not begin with a name of its own
 * (parameter, local): "dog.birthday" gives {"dog", "birthday"}. called: a "(" follows. Texts that
 * are no Lua give something or nothing. */
enum { EXPR_CHAIN_MAX = 6 };
struct expr_chain {
	struct str names[EXPR_CHAIN_MAX];
	int n;
	bool called;
	int arguments; /* of the call */
	bool indexed;  /* a "[" follows */
	bool hashed;   /* a "#" stands before */
	bool argument; /* stands right after "(" or "," */
};
void expr_names(const char *text, void (*each)(void *arg, const struct expr_chain *), void *arg);

/* What to write instead in a text that is no Lua; never NULL. */
const char *expr_remedy(const char *text);
/* Is there a day without quotes, 2026-04-01, which Lua takes for 2021? */
bool expr_has_bare_day(const char *text);

/* The functions an expression may call, NULL-terminated, and the other names it always knows. */
extern const char *const expr_functions[];
/* In the same order: how many arguments each takes. */
enum { EXPR_ANY_MANY = 99 };
extern const struct expr_arity {
	int least, most;
} expr_arities[];
extern const char *const expr_constants[];

#endif
