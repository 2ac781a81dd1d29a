/* Bytes as a multipart body: the first byte says where it is cut. Read whole or in two pieces, it
 * gives the same. */
#include <stdlib.h>
#include <unistd.h>

#include "web/private.h"

struct result {
	struct arena *arena;
	struct fields fields;
	const struct upload *uploads;
	int nuploads, rc;
};

static void read_body(struct result *r, struct str one, struct str two)
{
	*r = (struct result){.arena = arena_new()};
	r->fields.arena = r->arena;
	struct multipart_options o = {.arena = r->arena,
	    .fields = &r->fields,
	    .files = true,
	    .fields_max = 4096,
	    .files_max = 4096};
	struct multipart *m;
	r->rc = multipart_new(&o, STR("multipart/form-data; boundary=b"), &m, NULL);
	if (r->rc == 0)
		r->rc = multipart_feed(m, one, NULL);
	if (r->rc == 0)
		r->rc = multipart_feed(m, two, NULL);
	if (r->rc == 0)
		r->rc = multipart_end(m, NULL);
	if (r->rc == 0)
		r->nuploads = multipart_uploads(m, &r->uploads);
}

static void same(const struct result *a, const struct result *b)
{
	if (a->rc != b->rc || a->nuploads != b->nuploads)
		abort();
	if (a->rc < 0)
		return;
	if (a->fields.n != b->fields.n)
		abort();
	for (int i = 0; i < a->fields.n; i++)
		if (!text_eq(a->fields.names[i], b->fields.names[i]) ||
		    !text_eq(a->fields.values[i], b->fields.values[i]) ||
		    !utf8_valid(str_from(a->fields.values[i])))
			abort();
	for (int i = 0; i < a->nuploads; i++)
		if (a->uploads[i].size != b->uploads[i].size ||
		    !text_eq(a->uploads[i].filename, b->uploads[i].filename) ||
		    !text_eq(a->uploads[i].type, b->uploads[i].type))
			abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	struct str body = {(const char *)data + 1, size - 1};
	size_t cut = body.n * data[0] / 256;
	struct result whole, pieces;
	read_body(&whole, body, (struct str){"", 0});
	read_body(&pieces, (struct str){body.p, cut}, (struct str){body.p + cut, body.n - cut});
	same(&whole, &pieces);
	arena_free(whole.arena);
	arena_free(pieces.arena);
	return 0;
}
