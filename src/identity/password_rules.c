/* Rules for new passwords, after NIST SP 800-63B §5.1.1.2: length counts, kinds of characters do
 * not; common, repeated and sequential ones, and the person's own names, are refused. */
#include "identity/private.h"

#include <string.h>

enum { LENGTH_MIN = 10, LENGTH_MAX = 200, NAME_MIN = 4 };

/* Words at the heart of the passwords that are tried first. Compared after folding and after what
 * surrounds them (digits, marks) is taken off. */
static const char *const common[] = {
    "password",
    "passw0rd",
    "p@ssword",
    "p@ssw0rd",
    "pa55word",
    "passwort",
    "passphrase",
    "qwerty",
    "qwertyuiop",
    "qwertyui",
    "asdfghjkl",
    "asdfghjk",
    "zxcvbnm",
    "qazwsx",
    "qazwsxedc",
    "letmein",
    "letmeinnow",
    "welcome",
    "welcomehome",
    "administrator",
    "admin",
    "adminadmin",
    "iloveyou",
    "sunshine",
    "princess",
    "football",
    "baseball",
    "basketball",
    "superman",
    "batman",
    "monkey",
    "dragon",
    "master",
    "shadow",
    "computer",
    "internet",
    "changeme",
    "changemenow",
    "trustno",
    "whatever",
    "pokemon",
    "doraemon",
    "pikachu",
    "sakura",
    "sakurasakura",
    "himawari",
    "nippon",
    "japan",
    "tokyo",
    "yokohama",
    "takamatsu",
    "kagawa",
    "yamada",
    "yamadataro",
    "tanaka",
    "suzuki",
    "sato",
    "watanabe",
    "arigato",
    "arigatou",
    "konnichiwa",
    "ohayou",
    "ganbare",
    "aishiteru",
    "yakusho",
    "shiyakusho",
    "machi",
    "login",
    "loginlogin",
    "secret",
    "topsecret",
    "testtest",
    "test",
    "testing",
    "user",
    "username",
    "guest",
    "default",
    "hello",
    "helloworld",
    "abcdefg",
    "abcdefgh",
    "abcdefghij",
    "google",
    "facebook",
    "starwars",
    "michael",
    "jennifer",
    "charlie",
    "パスワード",
    "ぱすわーど",
    "あいうえおかきくけこ",
    "さくらさくら",
};

static bool is_edge(char c)
{
	return (c >= '0' && c <= '9') || strchr("!?.,-_@#$%&*+=~/ ", c);
}

/* abcdef, 123456, 987654, aaaaaa, and runs of keyboard rows, for the whole text. */
static bool is_run(struct str s)
{
	struct str in = s;
	int32_t first = utf8_next(&in), last = first, step = 0;
	bool same = true, run = true;
	for (int i = 0; (first = utf8_next(&in)) >= 0; i++) {
		int32_t d = first - last;
		/* 0 follows 9 in 1234567890 */
		if (last == '9' && first == '0')
			d = step ? step : 1;
		if (i == 0)
			step = d;
		same = same && d == 0;
		run = run && d == step && (d == 1 || d == -1);
		last = first;
	}
	return same || run;
}

/* The text is one piece of up to four characters again and again: abcabcabcabc. */
static bool is_repeated(struct str s)
{
	for (size_t piece = 1; piece <= 4 && piece * 2 <= s.n; piece++) {
		bool all = true;
		for (size_t i = piece; i < s.n && all; i++)
			all = s.p[i] == s.p[i - piece];
		if (all)
			return true;
	}
	return false;
}

/* Is the core nothing but one of the words, perhaps twice? */
static bool is_word(struct str core, const char *word)
{
	size_t n = strlen(word);
	if (n == 0 || core.n % n != 0 || core.n / n > 2)
		return false;
	for (size_t at = 0; at < core.n; at += n)
		if (memcmp(core.p + at, word, n) != 0)
			return false;
	return core.n > 0;
}

static struct str core_of(struct str s)
{
	while (s.n && is_edge(s.p[0])) {
		s.p++;
		s.n--;
	}
	while (s.n && is_edge(s.p[s.n - 1]))
		s.n--;
	return s;
}

/* The name makes up the password: taken out, hardly anything is left. */
static bool is_made_of(struct str folded, struct str name)
{
	return name.n >= NAME_MIN && folded.n >= name.n && folded.n - name.n < 6 &&
	       memmem(folded.p, folded.n, name.p, name.n);
}

static bool is_name(struct arena *a, struct str folded, const char *name)
{
	struct str whole = str_from(login_fold(a, name)), rest = whole, local;
	return is_made_of(folded, whole) ||
	       (str_cut(&rest, '@', &local) && is_made_of(folded, local));
}

const char *password_problem(const char *password, const char *const *names)
{
	struct str s = str_from(password);
	if (!password || !utf8_valid(s))
		return "identity.password.unusable";
	if (utf8_length(s) < LENGTH_MIN)
		return "identity.password.short";
	if (utf8_length(s) > LENGTH_MAX)
		return "identity.password.long";
	struct arena *a = arena_new();
	struct str folded = str_from(login_fold(a, password)), core = core_of(folded);
	const char *problem = NULL;
	if (is_run(folded) || is_repeated(folded) || core.n == 0)
		problem = "identity.password.common";
	for (size_t i = 0; !problem && i < COUNT(common); i++)
		if (is_word(core, common[i]))
			problem = "identity.password.common";
	for (; !problem && names && *names; names++)
		if (is_name(a, folded, *names))
			problem = "identity.password.name";
	arena_free(a);
	return problem;
}
