/* /api/openapi.json (OpenAPI 3.1.0), made once from the modules' tables. */
#include <ctype.h>
#include <string.h>

#include "web/private.h"

static json_t *schema_of(const struct input *in)
{
	if (strcmp(in->type, "file") == 0)
		return json_pack(
		    "{s:s,s:s}", "type", "string", "contentMediaType", "application/octet-stream");
	if (strcmp(in->type, "date") == 0)
		return json_pack("{s:s,s:s}", "type", "string", "format", "date");
	json_t *schema = json_pack("{s:s}", "type", in->type);
	if (strcmp(in->type, "string") == 0)
		json_object_set_new(
		    schema, "maxLength", json_integer(in->max ? in->max : INPUT_MAX_DEFAULT));
	return schema;
}

static void add_parameter(
    json_t *list, const char *name, const char *in, bool required, json_t *schema)
{
	json_array_append_new(list, json_pack("{s:s,s:s,s:b,s:o}", "name", name, "in", in,
	                                "required", required, "schema", schema));
}

/* The path as OpenAPI writes it ("{path*}" loses its star), and a parameter for each hole. */
static void path_parameters(struct buf *path, json_t *parameters, const char *text)
{
	for (const char *c = text; *c; c++) {
		if (*c == '*')
			continue;
		buf_putc(path, *c);
		if (*c != '{')
			continue;
		char name[64];
		size_t n = 0;
		for (const char *d = c + 1; *d != '}' && *d != '*' && n + 1 < sizeof(name); d++)
			name[n++] = *d;
		name[n] = '\0';
		add_parameter(parameters, name, "path", true, json_pack("{s:s}", "type", "string"));
	}
}

static json_t *body_of(const struct route *r)
{
	json_t *properties = json_object(), *required = json_array();
	bool files = (r->flags & ROUTE_UPLOAD) != 0;
	for (const struct input *in = r->inputs; in && in->name; in++) {
		json_object_set_new(properties, in->name, schema_of(in));
		if (in->required)
			json_array_append_new(required, json_string(in->name));
	}
	json_t *schema = json_pack("{s:s,s:o}", "type", "object", "properties", properties);
	if (json_array_size(required))
		json_object_set(schema, "required", required);
	json_decref(required);
	json_t *content = json_object();
	json_object_set_new(content, "application/json", json_pack("{s:O}", "schema", schema));
	json_object_set_new(content,
	    files ? "multipart/form-data" : "application/x-www-form-urlencoded",
	    json_pack("{s:o}", "schema", schema));
	return json_pack("{s:o}", "content", content);
}

static void add_problem(json_t *responses, const char *status, const char *name)
{
	json_object_set_new(responses, status,
	    json_pack("{s:o}", "$ref", json_sprintf("#/components/responses/%s", name)));
}

static json_t *responses_of(const struct route *r)
{
	json_t *content = json_object();
	if (!(r->flags & ROUTE_RAW))
		json_object_set_new(content, "application/json",
		    json_pack("{s:{s:s}}", "schema", "type", "object"));
	if (r->template)
		json_object_set_new(
		    content, "text/html", json_pack("{s:{s:s}}", "schema", "type", "string"));
	json_t *responses = json_object();
	json_t *ok = json_pack("{s:s}", "description", "Done");
	if (json_object_size(content))
		json_object_set(ok, "content", content);
	json_decref(content);
	json_object_set_new(responses, "200", ok);
	if (r->method != HTTP_GET) {
		json_object_set_new(responses, "303",
		    json_pack("{s:s}", "description", "Done; the page to see next (HTML clients)"));
		add_problem(responses, "422", "Problem");
	}
	add_problem(responses, "default", "Problem");
	return responses;
}

static json_t *security_of(const struct route *r)
{
	if (strcmp(r->perm, "public") == 0)
		return json_array();
	return json_pack("[{s:[]},{s:[]}]", "session", "token");
}

/* "GET /applications/{id}" → "get_applications_id" */
static json_t *operation_id(const struct route *r)
{
	struct buf b = {0};
	for (const char *c = method_name(r->method); *c; c++)
		buf_putc(&b, (char)tolower((unsigned char)*c));
	for (const char *c = r->path; *c; c++) {
		if (isalnum((unsigned char)*c))
			buf_putc(&b, *c);
		else if (b.p[b.n - 1] != '_')
			buf_putc(&b, '_');
	}
	while (b.p[b.n - 1] == '_')
		b.p[--b.n] = '\0';
	json_t *id = json_string(b.p);
	buf_free(&b);
	return id;
}

/* Where an operation stands in the document. */
static void add_operation(json_t *paths, const char *path, enum method method, json_t *operation)
{
	json_t *item = json_object_get(paths, path);
	if (!item) {
		json_object_set_new(paths, path, json_object());
		item = json_object_get(paths, path);
	}
	char name[8];
	(void)snprintf(name, sizeof(name), "%s", method_name(method));
	for (char *c = name; *c; c++)
		*c = (char)tolower((unsigned char)*c);
	json_object_set_new(item, name, operation);
}

static void add_route(json_t *paths, const struct module *m, const struct route *r)
{
	struct buf path = {0};
	json_t *parameters = json_array();
	path_parameters(&path, parameters, r->path);
	bool body = r->method == HTTP_POST || r->method == HTTP_PUT;
	if (!body)
		for (const struct input *in = r->inputs; in && in->name; in++)
			add_parameter(parameters, in->name, "query", in->required, schema_of(in));
	json_t *operation = json_object();
	json_object_set_new(operation, "operationId", operation_id(r));
	if (r->summary)
		json_object_set_new(operation, "summary", json_string(r->summary));
	json_object_set_new(operation, "tags", json_pack("[s]", m->name));
	if (json_array_size(parameters))
		json_object_set(operation, "parameters", parameters);
	json_decref(parameters);
	if (body)
		json_object_set_new(operation, "requestBody", body_of(r));
	json_object_set_new(operation, "responses", responses_of(r));
	json_object_set_new(operation, "security", security_of(r));
	json_object_set_new(operation, "x-permission", json_string(r->perm));
	if (r->describe)
		r->describe(path.p, operation);
	add_operation(paths, path.p, r->method, operation);
	buf_free(&path);
}

/* The route once for each word that its last hole may be. */
static void add_words(json_t *paths, const struct module *m, const struct route *r)
{
	size_t before = (size_t)(strrchr(r->path, '{') - r->path);
	for (const struct route_word *w = r->words; w->word; w++) {
		struct buf path = {0};
		buf_str(&path, (struct str){r->path, before});
		buf_puts(&path, w->word);
		struct route one = *r;
		one.path = path.p;
		one.summary = w->summary;
		one.inputs = w->inputs;
		add_route(paths, m, &one);
		buf_free(&path);
	}
}

static json_t *components(void)
{
	json_t *error =
	    json_pack("{s:s,s:{s:{s:s},s:{s:s},s:{s:s}}}", "type", "object", "properties", "field",
	        "type", "string", "detail", "type", "string", "code", "type", "string");
	json_t *problem =
	    json_pack("{s:s,s:s,s:{s:{s:s},s:{s:s},s:{s:s},s:{s:s},s:{s:s},s:{s:s,s:o}}}", "type",
	        "object", "description", "Problem details, RFC 9457", "properties", "type", "type",
	        "string", "title", "type", "string", "status", "type", "integer", "detail", "type",
	        "string", "code", "type", "string", "errors", "type", "array", "items", error);
	return json_pack("{s:{s:o},s:{s:{s:s,s:{s:{s:{s:s}}}}},s:{s:{s:s,s:s,s:s},s:{s:s,s:s}}}",
	    "schemas", "Problem", problem, "responses", "Problem", "description",
	    "What went wrong, in the request's language", "content", "application/problem+json",
	    "schema", "$ref", "#/components/schemas/Problem", "securitySchemes", "session", "type",
	    "apiKey", "in", "cookie", "name", "__Host-session", "token", "type", "http", "scheme",
	    "bearer");
}

json_t *openapi_build(const struct module *const *list, int n)
{
	json_t *paths = json_object(), *tags = json_array();
	for (int m = 0; m < n; m++) {
		int shown = 0;
		for (int i = 0; i < list[m]->nroutes; i++) {
			const struct route *r = &list[m]->routes[i];
			if (r->flags & ROUTE_HIDDEN)
				continue;
			(r->words ? add_words : add_route)(paths, list[m], r);
			shown++;
		}
		if (shown)
			json_array_append_new(tags, json_pack("{s:s}", "name", list[m]->name));
	}
	return json_pack("{s:s,s:{s:s,s:s,s:s},s:o,s:o,s:o}", "openapi", "3.1.0", "info", "title",
	    "machi", "version", "1", "description",
	    "Every page is its own API: ask for it with Accept: application/json. English: put /en "
	    "before the path. With a session cookie, requests that change something carry the "
	    "page's "
	    "csrf member in the header X-CSRF-Token; with an API token they need none.",
	    "tags", tags, "paths", paths, "components", components());
}

int openapi_show(struct request *rq, struct err *err)
{
	(void)err;
	return rq_send(rq, "application/json", rq->p->web->openapi, NULL);
}
