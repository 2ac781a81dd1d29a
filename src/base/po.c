#include "base/po.h"

#include <string.h>

/* What the next quoted line belongs to. */
enum part { PART_NONE, PART_ID, PART_TEXT };

struct parser {
	struct arena *arena;
	const char *name;
	int line;
	enum part part;
	bool fuzzy;
	int id_line;
	struct buf id, text;
	int (*fn)(void *arg, const struct po_entry *, struct err *);
	void *arg;
};

static int problem(const struct parser *p, struct err *err, const char *what)
{
	return err_set(err, ERR_INPUT, NULL, "%s:%d: %s", p->name, p->line, what);
}

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* One escape sequence after the backslash; moves *s behind it. NULL when it is fine. */
static const char *unescape(struct str *s, struct buf *out)
{
	static const char from[] = "ntr\"\\abfv", to[] = "\n\t\r\"\\\a\b\f\v";
	if (s->n == 0)
		return "a backslash at the end of the line";
	const char *at = memchr(from, s->p[0], sizeof(from) - 1);
	if (at) {
		buf_putc(out, to[at - from]);
		s->p++;
		s->n--;
		return NULL;
	}
	if (s->p[0] == 'x' && s->n >= 3 && hex_value(s->p[1]) >= 0 && hex_value(s->p[2]) >= 0) {
		buf_putc(out, (char)(hex_value(s->p[1]) * 16 + hex_value(s->p[2])));
		s->p += 3;
		s->n -= 3;
		return NULL;
	}
	return "unknown escape; use \\n, \\t, \\\" or \\\\";
}

/* "text" with nothing but white space around it. */
static int quoted(struct parser *p, struct str s, struct buf *out, struct err *err)
{
	s = str_trim(s);
	if (s.n < 2 || s.p[0] != '"')
		return problem(p, err, "a text in double quotes is expected");
	s.p++;
	s.n--;
	while (s.n && s.p[0] != '"') {
		char c = s.p[0];
		s.p++;
		s.n--;
		if (c != '\\') {
			buf_putc(out, c);
			continue;
		}
		const char *what = unescape(&s, out);
		if (what)
			return problem(p, err, what);
	}
	if (s.n == 0)
		return problem(p, err, "the closing quote is missing");
	if (s.n > 1)
		return problem(p, err, "nothing may follow the closing quote");
	return 0;
}

static bool header_is_utf8(struct str header)
{
	struct str line;
	while (str_cut(&header, '\n', &line)) {
		const char *at = memmem(line.p, line.n, "charset=", 8);
		if (at) {
			struct str set = {at + 8, line.n - (size_t)(at - line.p) - 8};
			return set.n >= 5 && strncasecmp(set.p, "utf-8", 5) == 0;
		}
	}
	return true;
}

/* Gives the finished entry to the caller and makes room for the next one. */
static int finish(struct parser *p, struct err *err)
{
	if (p->part == PART_NONE)
		return 0;
	if (p->part == PART_ID)
		return problem(p, err, "msgstr is missing before this line");
	buf_reserve(&p->id, 0); /* NUL-terminated even when nothing was added */
	buf_reserve(&p->text, 0);
	p->id.p[p->id.n] = '\0';
	p->text.p[p->text.n] = '\0';
	struct po_entry entry = {
	    .id = buf_to_str(&p->id),
	    .text = buf_to_str(&p->text),
	    .fuzzy = p->fuzzy,
	    .line = p->id_line,
	};
	p->part = PART_NONE;
	p->fuzzy = false;
	buf_init(&p->id, p->arena);
	buf_init(&p->text, p->arena);
	if (!utf8_valid(entry.id) || !utf8_valid(entry.text)) /* escapes can break what was valid */
		return problem(p, err, "the text before this line is not UTF-8");
	if (entry.id.n == 0)
		return header_is_utf8(entry.text) ? 0
		                                  : problem(p, err, "the charset must be UTF-8");
	return p->fn(p->arg, &entry, err);
}

static bool keyword(struct str *line, const char *word)
{
	size_t n = strlen(word);
	if (!str_starts(*line, word))
		return false;
	if (line->n > n && line->p[n] != ' ' && line->p[n] != '\t' && line->p[n] != '"')
		return false;
	line->p += n;
	line->n -= n;
	return true;
}

/* A flag line: "#, fuzzy, c-format". */
static bool has_fuzzy(struct str flags)
{
	struct str flag;
	while (str_cut(&flags, ',', &flag))
		if (str_is(str_trim(flag), "fuzzy"))
			return true;
	return false;
}

static int take_line(struct parser *p, struct str line, struct err *err)
{
	line = str_trim(line);
	if (line.n == 0)
		return finish(p, err);
	if (line.p[0] == '#') {
		/* Comments stand before their entry, so they also end the one before. */
		int rc = finish(p, err);
		if (rc == 0 && str_starts(line, "#,"))
			p->fuzzy |= has_fuzzy((struct str){line.p + 2, line.n - 2});
		else if (str_starts(line, "#~"))
			p->fuzzy = false; /* the flag was the obsolete entry's */
		return rc;
	}
	if (keyword(&line, "msgid")) {
		int rc = finish(p, err);
		if (rc)
			return rc;
		p->part = PART_ID;
		p->id_line = p->line;
		return quoted(p, line, &p->id, err);
	}
	if (keyword(&line, "msgstr")) {
		if (p->part != PART_ID)
			return problem(p, err, "msgstr without msgid");
		p->part = PART_TEXT;
		return quoted(p, line, &p->text, err);
	}
	if (line.p[0] == '"') {
		if (p->part == PART_NONE)
			return problem(p, err, "a text that belongs to nothing");
		return quoted(p, line, p->part == PART_ID ? &p->id : &p->text, err);
	}
	if (str_starts(line, "msgctxt"))
		return problem(p, err, "msgctxt is not used here: write it into the key");
	if (str_starts(line, "msgid_plural") || str_starts(line, "msgstr["))
		return problem(p, err, "plural forms are not used here: make a key for each");
	return problem(p, err, "msgid, msgstr, a comment or a quoted text is expected");
}

int po_parse(struct arena *a, struct str po, const char *name,
    int (*fn)(void *arg, const struct po_entry *, struct err *), void *arg, struct err *err)
{
	struct parser p = {.arena = a, .name = name, .fn = fn, .arg = arg};
	buf_init(&p.id, a);
	buf_init(&p.text, a);
	if (str_starts(po, "\xEF\xBB\xBF")) {
		po.p += 3;
		po.n -= 3;
	}
	struct str line;
	while (str_cut(&po, '\n', &line)) {
		p.line++;
		if (!utf8_valid(line))
			return problem(&p, err, "not UTF-8");
		int rc = take_line(&p, line, err);
		if (rc)
			return rc;
	}
	return finish(&p, err);
}
