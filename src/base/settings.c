#include "base/settings.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"

const struct setting settings_table[] = {
    {"config", "FILE", NULL, "configuration file (default: machi.yaml in the data directory)", false},
    {"data", "DIR", "city", "data directory; one folder in it for each city", false},
    {"listen", "ADDRESS", "127.0.0.1", "address to listen on; 0.0.0.0 for all", false},
    {"port", "N", "8080", "port to listen on", false},
    {"threads", "N", "0", "network threads; 0: one for each core", false},
    {"tls.cert", "FILE", NULL, "certificate chain (PEM) to serve HTTPS", false},
    {"tls.key", "FILE", NULL, "private key (PEM) to serve HTTPS", false},
    {"trusted-proxy", "RANGE", NULL, "addresses whose X-Forwarded-For and -Proto are believed", false},
    {"body-max", "BYTES", "1048576", "largest request body without files", false},
    {"upload-max", "BYTES", "67108864", "largest request body with files", false},
    {"connections", "N", "4096", "connections at a time", false},
    {"timeout", "SECONDS", "30", "how long a silent connection is kept", false},
    {"rate-limit", "PERCENT", "100", "scale of the rate limits; 0: none", false},
    {"page-cache", "true|false", "true", "keep finished public pages in memory until something changes", false},
    {"log", "LEVEL", "info", "least level that is logged: debug, info, warn, error", false},
    {"job-threads", "N", "2", "threads for mails, documents and other jobs", false},
    {"store", "URL", "sqlite:store.db", "sqlite:FILE or postgresql://user@host/database", true},
    {"store-writers", "N", "16", "writer connections (PostgreSQL)", true},
    {"base-url", "URL", NULL, "address that people use; for mails and QR codes", true},
    {"session.resident", "MINUTES", "120", "how long a resident stays signed in without doing anything", true},
    {"session.staff", "MINUTES", "60", "the same for staff", true},
    {"second-factor.staff", "required|optional", "optional", "must staff use a second factor to sign in", true},
    {"smtp.url", "URL", NULL, "mail server: smtp://host:port or smtps://host:port", true},
    {"smtp.user", "NAME", NULL, "user at the mail server", true},
    {"smtp.password", "TEXT", NULL, "password at the mail server (better: environment)", true},
    {"smtp.from", "ADDRESS", NULL, "sender of the mails", true},
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

static void set(struct settings *s, int i, const char *value, bool explicit_)
{
	free(s->value[i]);
	s->value[i] = strdup(value);
	if (!s->value[i])
		abort();
	s->explicit_[i] = explicit_;
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
		if (arg[length] == '=')
			set(s, at, arg + length + 1, true);
		else if (i + 1 < n)
			set(s, at, argv[++i], true);
		else
			return err_set(err, ERR_INPUT, NULL, "%s needs a value (%s)", arg,
			    settings_table[at].value);
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

static int take_file(struct settings *s, const char *path, bool must_exist, struct err *err)
{
	struct arena *a = arena_new();
	struct str text;
	int rc = file_read(a, path, &text, err);
	json_t *file = NULL;
	if (rc == -(int)ERR_MISSING && !must_exist) {
		rc = 0;
	} else if (rc == 0 && (rc = yaml_json(text, path, &file, err)) == 0) {
		for (int i = 0; i < NSETTINGS; i++) {
			json_t *v = dotted(file, settings_table[i].name);
			if (s->explicit_[i] || !v)
				continue;
			if (json_is_string(v))
				set(s, i, json_string_value(v), false);
			else if (json_is_boolean(v))
				set(s, i, json_is_true(v) ? "true" : "false", false);
		}
	}
	json_decref(file);
	arena_free(a);
	return rc;
}

/* What stands for the value in --help says that it is a number, and bytes may be many. */
static int check_numbers(const struct settings *s, struct err *err)
{
	static const char *const numbers[] = {"N", "BYTES", "SECONDS", "MINUTES", "PERCENT"};
	for (int i = 0; i < NSETTINGS; i++) {
		const struct setting *t = &settings_table[i];
		int64_t v, max = strcmp(t->value, "BYTES") == 0 ? INT64_MAX : INT32_MAX;
		for (size_t k = 0; k < COUNT(numbers); k++)
			if (strcmp(t->value, numbers[k]) == 0 && s->value[i] &&
			    !str_to_i64(str_from(s->value[i]), 0, max, &v))
				return err_set(err, ERR_INPUT, NULL, "%s is a number, not \"%.40s\"",
				    t->name, s->value[i]);
	}
	return 0;
}

int settings_load(int *argc, char **argv, struct settings **out, struct err *err)
{
	struct settings *s = calloc(1, sizeof(*s));
	if (!s)
		abort();
	for (int i = 0; i < NSETTINGS; i++) {
		char name[64];
		spell(name, sizeof(name), "MACHI_", settings_table[i].name, true);
		const char *env = getenv(name);
		if (settings_table[i].fallback)
			set(s, i, settings_table[i].fallback, false);
		if (env)
			set(s, i, env, true);
	}
	int rc = take_flags(s, argc, argv, err);
	const char *config = settings_get(s, "config");
	if (rc == 0) {
		char path[4096];
		(void)snprintf(path, sizeof(path), "%s/machi.yaml", settings_get(s, "data"));
		rc = take_file(s, config ? config : path, config != NULL, err);
	}
	if (rc == 0)
		rc = check_numbers(s, err);
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
		if (settings_table[i].city && s->value[i] && (s->explicit_[i] || !dotted(all, name)))
			set_dotted(all, name, s->value[i]);
	}
	return all;
}

void settings_help(FILE *f)
{
	for (int i = 0; i < NSETTINGS; i++) {
		const struct setting *t = &settings_table[i];
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
