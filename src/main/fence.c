/* What `machi serve` may still do once its cities are open: read what the system's libraries need
 * and the files that the settings name, write where the data is, start itself as a worker. A hole
 * in the parser of a request is then a hole in a room without doors. */
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/confine.h"
#include "base/json.h"
#include "base/log.h"
#include "main/cli.h"
#include "main/fence.h"

enum { PATHS_MAX = 256 };

struct fence {
	struct arena *arena;
	struct confine_path paths[PATHS_MAX];
	size_t n;
};

/* Read by libraries: fonts, time zones, certificates, the resolver's and the database's settings.
 */
static const struct confine_path always[] = {
    {"/usr", CONFINE_READ},
    {"/lib", CONFINE_READ},
    {"/lib64", CONFINE_READ},
    {"/etc", CONFINE_READ},
    {"/run", CONFINE_READ},
    {"/var/cache/fontconfig", CONFINE_READ},
    {"/var/lib/ca-certificates", CONFINE_READ},
    {"/sys/devices/system/cpu", CONFINE_READ},
    {"/sys/fs/cgroup", CONFINE_READ},
    {"/proc", CONFINE_READ},
    {"/dev/urandom", CONFINE_READ},
    {"/dev/null", CONFINE_READ | CONFINE_WRITE},
    {"/var/tmp", CONFINE_WRITE},
    /* The program itself and what loads it. */
    {"/proc/self/exe", CONFINE_READ | CONFINE_EXECUTE},
    {"/lib64/ld-linux-x86-64.so.2", CONFINE_READ | CONFINE_EXECUTE},
    {"/lib/ld-linux-aarch64.so.1", CONFINE_READ | CONFINE_EXECUTE},
};

static void add(struct fence *f, const char *path, int use)
{
	if (path && path[0] && f->n < PATHS_MAX)
		f->paths[f->n++] = (struct confine_path){path, use};
}

static const char *folder_of(struct arena *a, const char *path)
{
	const char *slash = strrchr(path, '/');
	if (!slash)
		return ".";
	return slash == path ? "/" : str_dup(a, (struct str){path, (size_t)(slash - path)});
}

/* A file that is replaced by another one (a renewed certificate) is found again: its folder counts.
 */
static void add_file(struct fence *f, const char *path)
{
	if (path && path[0])
		add(f, folder_of(f->arena, path), CONFINE_READ);
}

static void add_environment(struct fence *f)
{
	static const char *const files[] = {"PGPASSFILE", "PGSERVICEFILE", "PGSSLROOTCERT",
	    "PGSSLCERT", "PGSSLKEY", "SSL_CERT_FILE", "FONTCONFIG_FILE", "SOFTHSM2_CONF"};
	static const char *const folders[] = {
	    "SSL_CERT_DIR", "FONTCONFIG_PATH", "LD_LIBRARY_PATH", "CREDENTIALS_DIRECTORY"};
	static const char *const of_home[] = {".pgpass", ".pg_service.conf", ".postgresql"};
	for (size_t i = 0; i < COUNT(files); i++)
		add_file(f, getenv(files[i]));
	for (size_t i = 0; i < COUNT(folders); i++)
		add(f, getenv(folders[i]), CONFINE_READ);
	const char *home = getenv("HOME");
	for (size_t i = 0; i < COUNT(of_home) && home; i++)
		add(f, arena_printf(f->arena, "%s/%s", home, of_home[i]), CONFINE_READ);
	const char *tmp = getenv("TMPDIR");
	add(f, tmp ? tmp : "/tmp", CONFINE_WRITE);
}

/* Where master keys are: files of their own, of a PIN, of a PKCS#11 module. */
static void add_master(struct fence *f, const char *sources)
{
	static const char *const before[] = {"file:/", "module-path=/"};
	for (size_t i = 0; i < COUNT(before); i++)
		for (const char *p = sources; p && (p = strstr(p, before[i]));) {
			p += strlen(before[i]) - 1;
			add_file(f, str_dup(f->arena, (struct str){p, strcspn(p, " ;&?")}));
		}
}

static void add_city(struct fence *f, const char *dir, const json_t *settings)
{
	static const char sqlite[] = "sqlite:";
	const char *url = city_store_url(f->arena, dir, settings);
	if (strncmp(url, sqlite, sizeof(sqlite) - 1) == 0) /* a store that stands elsewhere */
		add(f, folder_of(f->arena, url + sizeof(sqlite) - 1), CONFINE_WRITE);
	for (const struct setting *t = settings_table; t->name; t++)
		if (t->city && strcmp(t->value, "FILE") == 0)
			add_file(f, json_path_text(settings, t->name));
	add_master(f, json_path_text(settings, "keys.master"));
	add(f, json_path_text(settings, "keys.token-dir"), CONFINE_WRITE);
}

static void add_settings(struct fence *f, const struct settings *s, json_t *cities)
{
	const char *dir;
	json_t *settings;
	for (const struct setting *t = settings_table; t->name; t++)
		if (strcmp(t->value, "FILE") == 0)
			add_file(f, settings_get(s, t->name));
	json_object_foreach(cities, dir, settings) add_city(f, dir, settings);
	add(f, settings_get(s, "data"), CONFINE_WRITE);
}

void serve_fence(const struct settings *s)
{
	confine_process();
	if (!confine_possible())
		return;
	struct arena *a = arena_new();
	struct fence *f = arena_new_of(a, struct fence);
	json_t *cities = cities_settings(s);
	f->arena = a;
	for (size_t i = 0; i < COUNT(always); i++)
		add(f, always[i].path, always[i].use);
	add_environment(f);
	add_settings(f, s, cities);
	int files = confine_files(f->paths, f->n);
	int calls = confine_calls(CONFINE_SERVER);
	log_info("serve.confined", "files: %s; %d system calls refused", files ? "fenced" : "open",
	    calls);
	json_decref(cities);
	arena_free(a);
}

int serve_become(const struct settings *s, struct err *err)
{
	if (geteuid() != 0)
		return 0;
	const char *user = settings_get(s, "user");
	if (!user || !user[0])
		user = confine_owner(settings_get(s, "data"));
	if (user)
		return confine_become(user, err);
	log_warn("serve.root", "runs as root: give the data directory to a user of its own "
	                       "(chown), or say --user");
	return 0;
}
