/* The names an expression uses, found by reading its words: Lua itself tells only when it runs. */
#include <ctype.h>
#include <string.h>

#include "procedure/definition/expr.h"

enum word_kind { WORD_END, WORD_NAME, WORD_SIGN, WORD_OTHER };

struct word {
	enum word_kind kind;
	struct str text;
};

struct words {
	struct word items[EXPR_TEXT_MAX];
	int n;
};

static bool name_char(char c)
{
	return isalnum((unsigned char)c) || c == '_';
}

/* The length of a long bracket's level ([[, [=[ ...) at p; 0: it is none. */
static size_t long_bracket(const char *p)
{
	size_t n = 1;
	while (p[n] == '=')
		n++;
	return p[0] == '[' && p[n] == '[' ? n + 1 : 0;
}

static const char *skip_long(const char *p, size_t level)
{
	for (p += level; *p; p++)
		if (*p == ']') {
			size_t n = 1;
			while (p[n] == '=')
				n++;
			if (p[n] == ']' && n + 1 == level)
				return p + n + 1;
		}
	return p;
}

static const char *skip_text(const char *p)
{
	char quote = *p++;
	while (*p && *p != quote)
		p += p[0] == '\\' && p[1] ? 2 : 1;
	return *p ? p + 1 : p;
}

/* Comments and white space away; numbers and texts are one word each. */
static struct word next_word(const char **at)
{
	const char *p = *at;
	for (;;) {
		while (isspace((unsigned char)*p))
			p++;
		if (p[0] != '-' || p[1] != '-')
			break;
		size_t level = p[2] == '[' ? long_bracket(p + 2) : 0;
		if (level) {
			p = skip_long(p + 2, level);
		} else {
			while (*p && *p != '\n')
				p++;
		}
	}
	const char *start = p;
	enum word_kind kind = WORD_SIGN;
	if (!*p) {
		kind = WORD_END;
	} else if (isalpha((unsigned char)*p) || *p == '_') {
		kind = WORD_NAME;
		while (name_char(*p))
			p++;
	} else if (isdigit((unsigned char)*p) || (*p == '.' && isdigit((unsigned char)p[1]))) {
		kind = WORD_OTHER;
		while (name_char(*p) || (*p == '.' && p[1] != '.'))
			p++;
	} else if (*p == '\'' || *p == '"') {
		kind = WORD_OTHER;
		p = skip_text(p);
	} else if (long_bracket(p)) {
		kind = WORD_OTHER;
		p = skip_long(p, long_bracket(p));
	} else if (strncmp(p, "...", 3) == 0) {
		p += 3;
	} else if (strncmp(p, "==", 2) == 0 || strncmp(p, "~=", 2) == 0 ||
	           strncmp(p, "<=", 2) == 0 || strncmp(p, ">=", 2) == 0 ||
	           strncmp(p, "..", 2) == 0 || strncmp(p, "::", 2) == 0) {
		p += 2;
	} else {
		p++;
	}
	*at = p;
	return (struct word){kind, {start, (size_t)(p - start)}};
}

static bool keyword(struct str s)
{
	static const char *const words[] = {"and", "break", "do", "else", "elseif", "end", "false",
	    "for", "function", "goto", "if", "in", "local", "nil", "not", "or", "repeat", "return",
	    "then", "true", "until", "while"};
	for (size_t i = 0; i < COUNT(words); i++)
		if (str_is(s, words[i]))
			return true;
	return false;
}

static bool is(const struct words *w, int i, const char *text)
{
	return i >= 0 && i < w->n && str_is(w->items[i].text, text);
}

static bool own_name(const struct str *own, int n, struct str name)
{
	for (int i = 0; i < n; i++)
		if (str_eq(own[i], name))
			return true;
	return false;
}

/* Parameters of functions, and names after local and for. Where each is visible does not matter
 * here: an expression is one line. */
static int own_names(const struct words *w, struct str *own, int max)
{
	int n = 0;
	for (int i = 0; i < w->n; i++) {
		bool list = is(w, i, "local") || is(w, i, "for");
		int k = i + 1;
		if (is(w, i, "function")) {
			while (k < w->n && !is(w, k, "("))
				k++;
			k++;
			list = true;
		}
		for (; list && k < w->n && (w->items[k].kind == WORD_NAME || is(w, k, ",")); k++)
			if (w->items[k].kind == WORD_NAME && !keyword(w->items[k].text) && n < max)
				own[n++] = w->items[k].text;
	}
	return n;
}

/* Arguments of the call whose "(" is word i: what commas part, not counting those inside of other
 * brackets or of a function. */
static int arguments(const struct words *w, int i)
{
	static const char *const openers[] = {"(", "{", "[", "function", "if", "do", "repeat"};
	static const char *const closers[] = {")", "}", "]", "end", "until"};
	int depth = 1, n = is(w, i + 1, ")") ? 0 : 1;
	for (i++; i < w->n && depth > 0; i++) {
		for (size_t k = 0; k < COUNT(openers); k++)
			depth += is(w, i, openers[k]);
		for (size_t k = 0; k < COUNT(closers); k++)
			depth -= is(w, i, closers[k]);
		n += depth == 1 && is(w, i, ",");
	}
	return n;
}

void expr_names(const char *text, void (*each)(void *arg, const struct expr_chain *), void *arg)
{
	enum { OWN_MAX = 32 };
	static _Thread_local struct words w; /* 48 KiB: too much for small stacks */
	w.n = 0;
	while (w.n < EXPR_TEXT_MAX) {
		struct word word = next_word(&text);
		if (word.kind == WORD_END)
			break;
		w.items[w.n++] = word;
	}
	struct str own[OWN_MAX];
	int nown = own_names(&w, own, OWN_MAX);
	for (int i = 0; i < w.n; i++) {
		if (w.items[i].kind != WORD_NAME || keyword(w.items[i].text) ||
		    is(&w, i - 1, ".") || is(&w, i - 1, ":") ||
		    own_name(own, nown, w.items[i].text))
			continue;
		if (is(&w, i + 1, "=") &&
		    (is(&w, i - 1, "{") || is(&w, i - 1, ",") || is(&w, i - 1, ";")))
			continue; /* a key of a table */
		struct expr_chain c = {.hashed = is(&w, i - 1, "#"),
		    .argument = is(&w, i - 1, "(") || is(&w, i - 1, ",")};
		int k = i;
		c.names[c.n++] = w.items[k].text;
		while (c.n < EXPR_CHAIN_MAX && is(&w, k + 1, ".") && k + 2 < w.n &&
		       w.items[k + 2].kind == WORD_NAME) {
			c.names[c.n++] = w.items[k + 2].text;
			k += 2;
		}
		c.called = is(&w, k + 1, "(");
		c.arguments = c.called ? arguments(&w, k + 1) : 0;
		c.indexed = is(&w, k + 1, "[");
		each(arg, &c);
	}
}

const char *expr_remedy(const char *text)
{
	static const struct {
		const char *word, *remedy;
	} words[] = {
	    {"=", "write == to compare"},
	    {"!", "write ~= for `is not`, and `not` before what is not so"},
	    {"&", "write `and`"},
	    {"|", "write `or`"},
	    {"if", "write a condition without `if`: a and b, a or b, not a"},
	};
	for (struct word w = next_word(&text); w.kind != WORD_END; w = next_word(&text)) {
		if (w.kind == WORD_SIGN && (unsigned char)w.text.p[0] >= 0x80)
			return "write names, signs and quotes narrow, and texts in quotes: 'text'";
		for (size_t i = 0; i < COUNT(words); i++)
			if (str_is(w.text, words[i].word))
				return words[i].remedy;
	}
	return "write a Lua expression: ==, ~=, and, or, not, 'text'";
}

bool expr_has_bare_day(const char *text)
{
	static const size_t digits[] = {4, 0, 2, 0, 2}; /* 0: a dash */
	size_t at = 0;
	for (struct word w = next_word(&text); w.kind != WORD_END; w = next_word(&text)) {
		bool number = w.kind == WORD_OTHER && isdigit((unsigned char)w.text.p[0]);
		bool fits = digits[at] ? number && w.text.n == digits[at] : str_is(w.text, "-");
		at = fits ? at + 1 : number && w.text.n == digits[0];
		if (at == COUNT(digits))
			return true;
	}
	return false;
}
