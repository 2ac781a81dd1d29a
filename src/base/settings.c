#include "base/settings.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"

const struct setting settings_table[] = {
    {"config", "FILE", NULL, "configuration file (default: machi.yaml in the data directory)",
        false},
    {"data", "DIR", "city", "data directory; one folder in it for each city", false},
    {"listen", "ADDRESS", "127.0.0.1", "address to listen on; 0.0.0.0 for all", false},
    {"port", "PORT", "8080", "port to listen on", false},
    {"user", "NAME", NULL,
        "whose rights the server keeps when it is started as root (default: the data directory's "
        "owner)",
        false},
    {"threads", "N", "0", "network threads; 0: one for each core", false},
    {"tls.cert", "FILE", NULL, "certificate chain (PEM) to serve HTTPS", false},
    {"tls.key", "FILE", NULL, "private key (PEM) to serve HTTPS", false},
    {"trusted-proxy", "RANGE", NULL, "addresses whose X-Forwarded-For and -Proto are believed",
        false},
    {"card.port", "PORT", "0", "port that asks browsers for the certificate of a card (0: none)",
        false},
    {"card.cert", "FILE", NULL,
        "certificate chain (PEM) of that port, when the other has no TLS of its own", false},
    {"card.key", "FILE", NULL, "its private key (PEM)", false},
    {"card.proxy", "RANGE", NULL, "addresses of a proxy that asks for it instead and passes it on",
        false},
    {"card.proxy-header", "NAME", NULL,
        "field in which that proxy passes the certificate (PEM, URL-encoded)", false},
    {"body-max", "BYTES", "1048576", "largest request body without files", false},
    {"upload-max", "BYTES", "67108864", "largest request body with files", false},
    {"connections", "N", "4096", "connections at a time", false},
    {"timeout", "SECONDS", "30", "how long a silent connection is kept", false},
    {"stop-timeout", "SECONDS", "20",
        "after SIGTERM, for requests in flight; after twice as long it ends anyhow", false},
    {"rate-limit", "PERCENT", "100", "scale of the rate limits; 0: none", false},
    {"page-cache", "true|false", "true",
        "keep finished public pages in memory until something changes", false},
    {"log", "debug|info|warn|error", "info", "least level that is logged", false},
    {"job-threads", "N", "2", "threads for mails, documents and other jobs", false},
    {"store", "URL", "sqlite:store.db", "sqlite:FILE or postgresql://user@host/database", true},
    {"store-writers", "N", "16", "writer connections (PostgreSQL)", true},
    {"base-url", "URL", NULL, "address that people use; for mails and QR codes", true},
    {"session.resident", "MINUTES", "120",
        "how long a resident stays signed in without doing anything", true},
    {"session.staff", "MINUTES", "60", "the same for staff", true},
    {"second-factor.staff", "required|optional", "optional",
        "must staff use a second factor to sign in", true},
    {"step-up.minutes", "MINUTES", "15",
        "how long a session keeps what a second factor, passkey or card proved", true},
    {"upload.application", "BYTES", "209715200", "files of one application together; 0: no limit",
        true},
    {"upload.day", "BYTES", "524288000", "files of one resident in a day; 0: no limit", true},
    {"export.people", "N", "100",
        "exports of more people need the approval of a second person; 0: none does", true},
    {"trail.mass-reading", "N", "200", "an alert when somebody opens more cases in a day; 0: none",
        true},
    {"trail.mass-export", "N", "1000", "the same for people in exports", true},
    {"trail.mass-number", "N", "30", "the same for individual numbers shown", true},
    {"trail.mass-change", "N", "300", "the same for changes", true},
    {"trail.off-hours", "N", "1", "the same for readings outside working hours", true},
    {"trail.hours", "FROM-UNTIL", "7-21", "working hours of business days", true},
    {"trail.names", "true|false", "false",
        "show residents the names of staff who read their data, not only department and post",
        true},
    {"trail.years", "N", "5", "years that the trail of readings is kept; 0: for ever", true},
    {"emergency.minutes", "MINUTES", "30",
        "how long a record stays open that was opened in an emergency", true},
    {"smtp.url", "URL", NULL, "mail server: smtp://host:port or smtps://host:port", true},
    {"smtp.user", "NAME", NULL, "user at the mail server", true},
    {"smtp.password", "TEXT", NULL, "password at the mail server (better: environment)", true},
    {"smtp.ca", "FILE", NULL,
        "certificates (PEM) that the mail server must be known by; then only TLS will do", true},
    {"smtp.from", "ADDRESS", NULL, "sender of the mails", true},
    {"card.url", "URL", NULL, "where people reach the port that asks for a card: https://host:8443",
        true},
    {"card.crl", "LIST", NULL,
        "revocation lists of card certificates: files in <city>/trust and http URLs", true},
    {"card.crl-hours", "N", "48", "a revocation list made longer ago is stale; 0: by its own word",
        true},
    {"card.ocsp", "URL", NULL, "OCSP responder for card certificates", true},
    {"card.ocsp-minutes", "N", "5", "how long an answer of OCSP is kept; 0: not", true},
    {"card.tsa", "URL", NULL, "time-stamp authority for signed applications (RFC 3161)", true},
    {"card.algorithms", "LIST", NULL,
        "signature algorithms that are taken (rsa-sha256 ecdsa-sha256 …); none said: all known",
        true},
    {"card.simulator", "true|false", "false",
        "believe simulated authorities too; never where anything is real", true},
    {"keys.master", "LIST", "file:keys/master.key",
        "where the master key of what is kept sealed is (file:PATH credential:NAME pkcs11:…): the "
        "first one wraps, the others still open",
        true},
    {"keys.token-dir", "DIR", NULL,
        "folder that a PKCS#11 module writes to (SoftHSM: its tokens), for a server that is fenced",
        true},
    {"clamd", "SOCKET", NULL,
        "virus scanner for files that people send: /run/clamav/clamd.ctl or host:port", true},
    {NULL, NULL, NULL, NULL, false},
};

enum { NSETTINGS = sizeof(settings_table) / sizeof(settings_table[0]) - 1 };

struct settings {
	char *value[NSETTINGS];
	bool explicit_[NSETTINGS]; /* said by environment or flag: wins over city.yaml */
};

static int find(const char *name)
{
	for (int i = 0; i < NSETTINGS; i++)
		if (strcmp(settings_table[i].name, name) == 0)
			return i;
	return -1;
}

/* What stands for the value in --help says what it may be: one of these is a number, a|b is a
 * choice, all others are texts. where names the place for people. */
static int check_value(const struct setting *t, const char *v, const char *where, struct err *err)
{
	static const struct {
		const char *value;
		int64_t max;
	} numbers[] = {{"N", INT32_MAX}, {"PORT", 65535}, {"BYTES", INT64_MAX},
	    {"SECONDS", INT32_MAX}, {"MINUTES", INT32_MAX}, {"PERCENT", INT32_MAX}};
	int64_t n;
	for (size_t i = 0; i < COUNT(numbers); i++)
		if (strcmp(t->value, numbers[i].value) == 0 &&
		    !str_to_i64(str_from(v), 0, numbers[i].max, &n))
			return err_set(err, ERR_INPUT, NULL,
			    "%s: a number from 0 to %lld is wanted, not \"%.40s\"", where,
			    (long long)numbers[i].max, v);
	struct str choices = str_from(t->value), choice;
	if (!memchr(choices.p, '|', choices.n))
		return 0;
	while (str_cut(&choices, '|', &choice))
		if (str_eq(choice, str_from(v)))
			return 0;
	return err_set(err, ERR_INPUT, NULL, "%s: %s is wanted, not \"%.40s\"", where, t->value, v);
}

static int set(struct settings *s, int i, const char *value, bool explicit_, const char *where,
    struct err *err)
{
	int rc = check_value(&settings_table[i], value, where, err);
	if (rc < 0)
		return rc;
	free(s->value[i]);
	s->value[i] = strdup(value);
	if (!s->value[i])
		abort();
	s->explicit_[i] = explicit_;
	return 0;
}

/* "smtp.url" as "MACHI_SMTP_URL" or "smtp-url". */
static void spell(char *out, size_t size, const char *prefix, const char *name, bool upper)
{
	int n = snprintf(out, size, "%s%s", prefix, name);
	for (int i = 0; i < n && (size_t)i < size; i++) {
		if (out[i] == '.' || out[i] == '-')
			out[i] = upper ? '_' : '-';
		else if (upper)
			out[i] = (char)toupper((unsigned char)out[i]);
	}
}

static int take_flags(struct settings *s, int *argc, char **argv, struct err *err)
{
	int kept = 0, n = *argc;
	for (int i = 0; i < n; i++) {
		const char *arg = argv[i];
		if (strcmp(arg, "--") == 0) {
			while (i < n)
				argv[kept++] = argv[i++];
			break;
		}
		int at = -1;
		size_t length = strcspn(arg, "=");
		for (int k = 0; k < NSETTINGS && strncmp(arg, "--", 2) == 0; k++) {
			char flag[64];
			spell(flag, sizeof(flag), "--", settings_table[k].name, false);
			if (strlen(flag) == length && strncmp(flag, arg, length) == 0)
				at = k;
		}
		if (at < 0) {
			argv[kept++] = argv[i];
			continue;
		}
		const char *value = arg[length] == '=' ? arg + length + 1
		                    : i + 1 < n        ? argv[++i]
		                                       : NULL;
		if (!value)
			return err_set(err, ERR_INPUT, NULL, "%s needs a value (%s)", arg,
			    settings_table[at].value);
		char flag[64];
		spell(flag, sizeof(flag), "--", settings_table[at].name, false);
		int rc = set(s, at, value, true, flag, err);
		if (rc < 0)
			return rc;
	}
	*argc = kept;
	return 0;
}

/* Finds "smtp.url" in nested objects, or as a member with that very name. */
static json_t *dotted(json_t *object, const char *name)
{
	json_t *v = json_object_get(object, name);
	const char *dot = strchr(name, '.');
	if (v || !dot)
		return v;
	char first[64];
	if ((size_t)(dot - name) >= sizeof(first))
		return NULL;
	memcpy(first, name, (size_t)(dot - name));
	first[dot - name] = '\0';
	return dotted(json_object_get(object, first), dot + 1);
}

/* What only a city's city.yaml has; what is in them their readers look at. */
static const struct {
	const char *name;
	json_type type; /* JSON_TRUE: true or false */
	const char *wanted;
} city_table[] = {
    {"name", JSON_OBJECT, "{ja: …, en: …}"},
    {"mayor", JSON_OBJECT, "{ja: …, en: …}"},
    {"hosts", JSON_ARRAY, "a list of host names"},
    {"demo", JSON_TRUE, "true or false"},
    {"credits", JSON_ARRAY, "a list of label and href"},
    {"contact", JSON_STRING, "a text"},
    {"closed-days", JSON_ARRAY, "a list of days"},
    {"zones", JSON_ARRAY, "a list of network zones"},
    {"fallback-department", JSON_STRING, "the name of a department"},
};

static bool of_type(const json_t *v, json_type type)
{
	return json_typeof(v) == type || (type == JSON_TRUE && json_is_boolean(v));
}

/* Is path the name itself, or below it? */
static bool within(const char *path, const char *name)
{
	size_t n = strlen(name);
	return strncmp(path, name, n) == 0 && strchr(".[", path[n]);
}

/* A plain value as text; NULL when it is none. */
static const char *text_of(const json_t *v)
{
	return json_is_string(v)  ? json_string_value(v)
	       : json_is_true(v)  ? "true"
	       : json_is_false(v) ? "false"
	                          : NULL;
}

static int unknown_name(const char *path, const char *where, bool city, struct err *err)
{
	const char *names[NSETTINGS + COUNT(city_table)];
	int n = 0;
	for (int i = 0; i < NSETTINGS; i++)
		if (!city || settings_table[i].city)
			names[n++] = settings_table[i].name;
	for (size_t i = 0; i < COUNT(city_table); i++)
		if (city)
			names[n++] = city_table[i].name;
		else if (within(path, city_table[i].name))
			return err_set(
			    err, ERR_INPUT, NULL, "%s: belongs in the city.yaml of a city", where);
	if (city && find(path) >= 0)
		return err_set(err, ERR_INPUT, NULL,
		    "%s: is of the whole process and belongs in machi.yaml", where);
	const char *near = name_nearest(path, names, n);
	return err_set(err, ERR_INPUT, NULL, "%s: there is no such setting%s%s%s", where,
	    near ? "; did you mean " : "", near ? near : "",
	    near ? "?" : "; machi serve --help lists them");
}

/* One name of a file: it is a setting, or leads to some, and its value is of the right kind. */
static int check_name(json_t *file, const char *path, const char *where, bool city, struct err *err)
{
	const json_t *v = dotted(file, path);
	for (size_t i = 0; i < COUNT(city_table) && city; i++) {
		if (!within(path, city_table[i].name))
			continue;
		if (strcmp(path, city_table[i].name) == 0 && v && !json_is_null(v) &&
		    !of_type(v, city_table[i].type))
			return err_set(
			    err, ERR_INPUT, NULL, "%s: %s is wanted", where, city_table[i].wanted);
		return 0;
	}
	for (int i = 0; i < NSETTINGS; i++) {
		const struct setting *t = &settings_table[i];
		if (city && !t->city)
			continue;
		if (json_is_object(v) && strcmp(path, t->name) != 0 && within(t->name, path))
			return 0;
		if (strcmp(path, t->name) != 0)
			continue;
		const char *text = text_of(v);
		if (text)
			return check_value(t, text, where, err);
		return json_is_null(v) ? 0
		                       : err_set(err, ERR_INPUT, NULL,
		                             "%s: one value is wanted (%s)", where, t->value);
	}
	return unknown_name(path, where, city, err);
}

/* Reads a file of settings, of a city or of the process: *out is a new reference. */
static int read_file(const char *path, bool city, json_t **out, struct err *err)
{
	struct arena *a = arena_new();
	struct str text;
	json_t *lines = json_object(), *line, *file = NULL;
	const char *name;
	int rc = file_read(a, path, &text, err);
	if (rc == 0)
		rc = yaml_json(text, path, &file, lines, err);
	if (rc == 0 && !json_is_object(file))
		rc = err_set(err, ERR_INPUT, NULL, "%s:1: names and values are wanted", path);
	json_object_foreach(lines, name, line)
	{
		if (rc == 0)
			rc = check_name(file, name,
			    arena_printf(
			        a, "%s:%lld: %s", path, (long long)json_integer_value(line), name),
			    city, err);
	}
	json_decref(lines);
	arena_free(a);
	if (rc < 0)
		json_decref(file);
	else
		*out = file;
	return rc;
}

static int take_file(struct settings *s, const char *path, bool must_exist, struct err *err)
{
	json_t *file;
	int rc = read_file(path, false, &file, err);
	if (rc < 0)
		return rc == -(int)ERR_MISSING && !must_exist ? 0 : rc;
	for (int i = 0; i < NSETTINGS && rc == 0; i++) {
		const char *text = text_of(dotted(file, settings_table[i].name));
		if (!s->explicit_[i] && text)
			rc = set(s, i, text, false, settings_table[i].name, err);
	}
	json_decref(file);
	return rc;
}

int settings_load(int *argc, char **argv, struct settings **out, struct err *err)
{
	struct settings *s = calloc(1, sizeof(*s));
	if (!s)
		abort();
	int rc = 0;
	for (int i = 0; i < NSETTINGS && rc == 0; i++) {
		char name[64];
		spell(name, sizeof(name), "MACHI_", settings_table[i].name, true);
		const char *env = getenv(name), *fallback = settings_table[i].fallback;
		if (env || fallback)
			rc = set(s, i, env ? env : fallback, env != NULL, name, err);
	}
	if (rc == 0)
		rc = take_flags(s, argc, argv, err);
	const char *config = settings_get(s, "config");
	if (rc == 0) {
		char path[4096];
		(void)snprintf(path, sizeof(path), "%s/machi.yaml", settings_get(s, "data"));
		rc = take_file(s, config ? config : path, config != NULL, err);
	}
	if (rc < 0) {
		settings_free(s);
		return rc;
	}
	*out = s;
	return 0;
}

void settings_free(struct settings *s)
{
	if (!s)
		return;
	for (int i = 0; i < NSETTINGS; i++)
		free(s->value[i]);
	free(s);
}

const char *settings_get(const struct settings *s, const char *name)
{
	int i = find(name);
	return i < 0 ? NULL : s->value[i];
}

int64_t settings_i64(const struct settings *s, const char *name)
{
	int64_t v = 0;
	return str_to_i64(str_from(settings_get(s, name)), INT64_MIN, INT64_MAX, &v) ? v : 0;
}

bool settings_on(const struct settings *s, const char *name)
{
	const char *v = settings_get(s, name);
	return v && (strcmp(v, "true") == 0 || strcmp(v, "yes") == 0 || strcmp(v, "1") == 0);
}

/* Sets "smtp.url" as {"smtp": {"url": ...}}. */
static void set_dotted(json_t *object, const char *name, const char *value)
{
	const char *dot = strchr(name, '.');
	if (!dot) {
		json_object_set_new(object, name, json_string(value));
		return;
	}
	char first[64];
	(void)snprintf(first, sizeof(first), "%.*s", (int)(dot - name), name); /* names are short */
	json_t *inner = json_object_get(object, first);
	if (!json_is_object(inner)) {
		inner = json_object();
		json_object_set_new(object, first, inner);
	}
	set_dotted(inner, dot + 1, value);
}

json_t *settings_for_city(const struct settings *s, json_t *city_file)
{
	json_t *all = json_is_object(city_file) ? json_deep_copy(city_file) : json_object();
	for (int i = 0; i < NSETTINGS; i++) {
		const char *name = settings_table[i].name;
		if (settings_table[i].city && s->value[i] &&
		    (s->explicit_[i] || !dotted(all, name)))
			set_dotted(all, name, s->value[i]);
	}
	return all;
}

int settings_city_file(const struct settings *s, const char *path, json_t **out, struct err *err)
{
	json_t *file;
	int rc = read_file(path, true, &file, err);
	if (rc < 0)
		return rc;
	*out = settings_for_city(s, file);
	json_decref(file);
	return 0;
}

void settings_help(FILE *f, const char *const *names)
{
	for (int i = 0; i < NSETTINGS; i++) {
		const struct setting *t = &settings_table[i];
		const char *const *name = names;
		while (name && *name && strcmp(*name, t->name) != 0)
			name++;
		if (name && !*name)
			continue;
		char flag[96];
		spell(flag, sizeof(flag), "--", t->name, false);
		size_t n = strlen(flag);
		(void)snprintf(flag + n, sizeof(flag) - n, " %s", t->value);
		fprintf(f, "  %-24s %s", flag, t->help);
		if (t->fallback)
			fprintf(f, " [%s]", t->fallback);
		fputc('\n', f);
	}
}
