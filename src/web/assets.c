/* /assets/...: style sheets, scripts, pictures, the city's own in the place of the built-in ones.
 */
#include <string.h>

#include "web/private.h"

static const struct {
	const char *suffix, *type;
} types[] = {
    {".css", "text/css; charset=utf-8"},
    {".js", "text/javascript; charset=utf-8"},
    {".mjs", "text/javascript; charset=utf-8"},
    {".json", "application/json"},
    {".webmanifest", "application/manifest+json"},
    {".svg", "image/svg+xml"},
    {".png", "image/png"},
    {".jpg", "image/jpeg"},
    {".webp", "image/webp"},
    {".ico", "image/x-icon"},
    {".woff2", "font/woff2"},
    {".txt", "text/plain; charset=utf-8"},
};

static const char *type_of(const char *path)
{
	for (size_t i = 0; i < COUNT(types); i++)
		if (str_ends(str_from(path), types[i].suffix))
			return types[i].type;
	return NULL;
}

int asset_show(struct request *rq, struct err *err)
{
	const char *path = rq_param(rq, "path"), *type = type_of(path);
	struct str bytes;
	if (!type || path[0] == '.' || strstr(path, "/."))
		return err_set(err, ERR_MISSING, NULL, "no asset %s", path);
	int rc = city_resource(
	    rq->city, rq->arena, arena_printf(rq->arena, "assets/%s", path), &bytes, err);
	if (rc < 0)
		return rc;
	const char *version = rq_query(rq, "v");
	rq->p->asset = true;
	rq->p->immutable = text_eq(version, assets_version(rq->p->web, rq->p->city));
	return rq_send(rq, type, bytes, NULL);
}
