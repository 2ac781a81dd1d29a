/* multipart/form-data (RFC 7578) read as it arrives. Fields are kept in memory, files go straight
 * to unlinked temporary files; neither can grow past its limit.
 *
 * 1. `held` keeps the bytes that cannot be judged yet: less than a delimiter, or a part's head that
 *    is not complete (HEAD_MAX at most).
 * 2. A delimiter is CRLF "--" boundary; the first one may stand at the very start (RFC 2046
 * §5.1.1).
 * 3. A file that breaks a limit breaks the request: nothing is cut off silently. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "web/private.h"

enum { HEAD_MAX = 8 * 1024, BOUNDARY_MAX = 70, PARTS_MAX = 5000, TYPE_HEAD = 4096 };

enum where { AT_START, IN_HEAD, IN_BODY, AT_END };

struct file {
	struct upload upload;
	char *head; /* the first TYPE_HEAD bytes, from the first one on: most file inputs are left
	               empty */
	size_t nhead;
};

struct multipart {
	struct multipart_options o;
	enum where where;
	char delimiter[BOUNDARY_MAX + 5]; /* CRLF "--" boundary */
	size_t ndelimiter;
	struct buf held;
	int parts;
	const char *name;  /* of the part being read; NULL: a part to skip */
	struct file *file; /* NULL: a field */
	struct buf value;
	int64_t fields_size, files_size;
	struct upload uploads[FILES_MAX];
	int nuploads;
};

static int malformed(struct err *err, const char *what)
{
	return err_set(err, ERR_MALFORMED, "web.bad_form", "multipart: %s", what);
}

/* A parameter of a header value: name=token or name="quoted" (with \" and \\). */
static bool parameter(struct arena *a, struct str value, const char *name, char **out)
{
	size_t n = strlen(name);
	const char *p = value.p, *end = value.p + value.n;
	while (p < end) {
		while (p < end && *p != ';')
			p++;
		while (p < end && (*p == ';' || *p == ' ' || *p == '\t'))
			p++;
		const char *key = p;
		while (p < end && *p != '=' && *p != ';')
			p++;
		bool ours = (size_t)(p - key) == n && strncasecmp(key, name, n) == 0;
		if (p == end || *p != '=')
			continue;
		p++;
		struct buf b;
		buf_init(&b, a);
		buf_reserve(&b, 1);
		if (p < end && *p == '"') {
			/* Browsers write " as %22 and leave \ as it is (HTML §4.10.21.8), so only
			 * \" is an escape here. */
			for (p++; p < end && *p != '"'; p++) {
				if (*p == '\\' && p + 1 < end && p[1] == '"')
					p++;
				buf_putc(&b, *p);
			}
			if (p == end)
				return false;
			p++;
		} else {
			while (p < end && *p != ';' && *p != ' ')
				buf_putc(&b, *p++);
		}
		if (ours) {
			*out = b.n ? b.p : arena_strdup(a, "");
			return true;
		}
	}
	return false;
}

int multipart_new(const struct multipart_options *o, struct str content_type,
    struct multipart **out, struct err *err)
{
	char *boundary = NULL;
	if (!parameter(o->arena, content_type, "boundary", &boundary) || !boundary[0] ||
	    strlen(boundary) > BOUNDARY_MAX)
		return malformed(err, "no usable boundary");
	struct multipart *m = arena_new_of(o->arena, struct multipart);
	m->o = *o;
	memcpy(m->delimiter, "\r\n--", 4);
	m->ndelimiter = 4 + strlen(boundary);
	memcpy(m->delimiter + 4, boundary, m->ndelimiter - 4);
	buf_init(&m->held, NULL);
	arena_cleanup(o->arena, (void (*)(void *))buf_free, &m->held);
	/* As if CRLF came before the first byte, so that all delimiters look alike. */
	buf_puts(&m->held, "\r\n");
	*out = m;
	return 0;
}

static void close_file(void *fd)
{
	(void)close((int)(intptr_t)fd); /* unlinked: nothing is lost */
}

static int temporary_file(struct multipart *m, struct err *err)
{
	const char *dir = m->o.dir ? m->o.dir : P_tmpdir;
	int fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (fd < 0) { /* a file system without O_TMPFILE */
		char *path = arena_printf(m->o.arena, "%s/upload-XXXXXX", dir);
		fd = mkostemp(path, O_CLOEXEC);
		if (fd >= 0)
			(void)unlink(path); /* at worst an empty name stays */
	}
	if (fd < 0)
		return err_set(err, ERR_IO, NULL, "temporary file in %s: %s", dir, strerror(errno));
	m->file->upload.fd = fd;
	arena_cleanup(m->o.arena, close_file, (void *)(intptr_t)fd);
	return 0;
}

/* Without directories and control characters, at most 200 bytes, cut between characters. */
static char *clean_filename(struct arena *a, const char *name)
{
	for (const char *p = name; *p; p++)
		if (*p == '/' || *p == '\\')
			name = p + 1;
	struct buf b;
	buf_init(&b, a);
	buf_reserve(&b, 1);
	struct str rest = str_from(name);
	int32_t c;
	while (b.n < 200 && (c = utf8_next(&rest)) >= 0)
		if (c >= 0x20 && c != 0x7f)
			utf8_put(&b, (uint32_t)c);
	return b.n ? b.p : arena_strdup(a, "file");
}

static int too_large(const struct multipart *m, const char *name, struct err *err)
{
	return err_field(err, ERR_TOO_LARGE, name, "web.too_large",
	    "multipart: fields of more than %lld bytes", (long long)m->o.fields_max);
}

static int part_begin(struct multipart *m, struct str head, struct err *err)
{
	struct str line;
	size_t whole = head.n;
	char *name = NULL, *filename = NULL;
	while (str_cut(&head, '\n', &line)) {
		line = str_trim(line);
		const char *colon = line.n ? memchr(line.p, ':', line.n) : NULL;
		if (!colon)
			continue;
		struct str key = {line.p, (size_t)(colon - line.p)};
		struct str value = {colon + 1, line.n - key.n - 1};
		if (key.n == strlen("Content-Disposition") &&
		    strncasecmp(key.p, "Content-Disposition", key.n) == 0) {
			if (!parameter(m->o.arena, value, "name", &name))
				return malformed(err, "a part without a name");
			if (!parameter(m->o.arena, value, "filename", &filename))
				filename = NULL;
		}
	}
	if (!name)
		return malformed(err, "a part without Content-Disposition");
	if (!name[0] || strlen(name) > FIELD_NAME_MAX || ++m->parts > PARTS_MAX)
		return malformed(err, "a bad name, or too many parts");
	if (!utf8_valid(str_from(name)) || (filename && !utf8_valid(str_from(filename))))
		return err_set(
		    err, ERR_MALFORMED, "web.bad_encoding", "multipart: a name is not UTF-8");
	m->fields_size += (int64_t)whole; /* kept as well: thousands of empty files have names */
	if (m->fields_size > m->o.fields_max)
		return too_large(m, name, err);
	m->name = name;
	m->file = NULL;
	m->value = (struct buf){0};
	buf_init(&m->value, m->o.arena);
	if (!filename)
		return 0;
	/* A file input that was left empty still sends a part; its file is made with the first
	 * byte. */
	m->file = arena_new_of(m->o.arena, struct file);
	m->file->upload = (struct upload){.field = name, .filename = filename, .fd = -1};
	return 0;
}

static int file_bytes(struct multipart *m, struct str bytes, struct err *err)
{
	struct file *f = m->file;
	if (f->upload.fd < 0) {
		if (!m->o.files)
			return err_field(err, ERR_MEDIA, m->name, "web.no_files",
			    "multipart: this address takes no files");
		if (m->nuploads == FILES_MAX)
			return err_field(err, ERR_TOO_LARGE, m->name, "web.too_many_files",
			    "multipart: more than %d files", FILES_MAX);
		int rc = temporary_file(m, err);
		if (rc < 0)
			return rc;
		f->head = arena_alloc(m->o.arena, TYPE_HEAD);
	}
	m->files_size += (int64_t)bytes.n;
	if (m->files_size > m->o.files_max)
		return err_field(err, ERR_TOO_LARGE, m->name, "web.too_large",
		    "multipart: files of more than %lld bytes", (long long)m->o.files_max);
	size_t n = TYPE_HEAD - f->nhead < bytes.n ? TYPE_HEAD - f->nhead : bytes.n;
	memcpy(f->head + f->nhead, bytes.p, n);
	f->nhead += n;
	while (bytes.n) {
		ssize_t done = write(f->upload.fd, bytes.p, bytes.n);
		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return err_set(err, ERR_IO, NULL, "writing an upload: %s", strerror(errno));
		f->upload.size += done;
		bytes = (struct str){bytes.p + done, bytes.n - (size_t)done};
	}
	return 0;
}

static int part_bytes(struct multipart *m, struct str bytes, struct err *err)
{
	if (bytes.n == 0)
		return 0;
	if (m->file)
		return file_bytes(m, bytes, err);
	m->fields_size += (int64_t)bytes.n;
	if (m->fields_size > m->o.fields_max)
		return too_large(m, m->name, err);
	buf_str(&m->value, bytes);
	return 0;
}

static int part_end(struct multipart *m, struct err *err)
{
	if (m->file) {
		struct file *f = m->file;
		if (f->upload.fd < 0)
			return 0;
		f->upload.filename = clean_filename(m->o.arena, f->upload.filename);
		f->upload.type = filetype_detect((struct str){f->head, f->nhead});
		if (lseek(f->upload.fd, 0, SEEK_SET) < 0)
			return err_set(err, ERR_IO, NULL, "an upload: %s", strerror(errno));
		m->uploads[m->nuploads++] = f->upload;
		return 0;
	}
	struct str value = buf_to_str(&m->value);
	if (value.n && !utf8_valid(value))
		return err_set(
		    err, ERR_MALFORMED, "web.bad_encoding", "multipart: a field is not UTF-8");
	fields_add(m->o.fields, m->name, value.n ? m->value.p : "");
	return 0;
}

/* One step over rest; 1 when something was used up, 0 when more bytes are needed. */
static int advance(struct multipart *m, struct str *rest, struct err *err)
{
	int rc = 0;
	if (m->where == IN_HEAD) {
		/* What follows a delimiter: "--" ends, else the head up to an empty line. */
		if (rest->n < 4)
			return 0;
		if (rest->p[0] == '-' && rest->p[1] == '-') {
			m->where = AT_END;
			return 1;
		}
		const char *end = memmem(rest->p, rest->n, "\r\n\r\n", 4);
		if (!end)
			return rest->n > HEAD_MAX ? malformed(err, "the head of a part is too long")
			                          : 0;
		size_t n = (size_t)(end - rest->p) + 2;
		if (n > HEAD_MAX || memcmp(rest->p, "\r\n", 2) != 0)
			return malformed(err, "a broken delimiter");
		if ((rc = part_begin(m, (struct str){rest->p, n}, err)) < 0)
			return rc;
		/* The empty line's CRLF may begin the delimiter of an empty part. */
		*rest = (struct str){end + 4, rest->n - n - 2};
		m->where = IN_BODY;
		return 1;
	}
	if (m->where == AT_END) {
		*rest = (struct str){rest->p + rest->n, 0}; /* the epilogue is ignored */
		return 0;
	}
	const char *at = memmem(rest->p, rest->n, m->delimiter, m->ndelimiter);
	size_t safe = rest->n < m->ndelimiter ? 0 : rest->n - m->ndelimiter + 1;
	size_t n = at ? (size_t)(at - rest->p) : safe;
	if (m->where == IN_BODY && (rc = part_bytes(m, (struct str){rest->p, n}, err)) < 0)
		return rc;
	if (at && m->where == IN_BODY && (rc = part_end(m, err)) < 0)
		return rc;
	*rest = (struct str){rest->p + n, rest->n - n};
	if (!at)
		return 0;
	*rest = (struct str){rest->p + m->ndelimiter, rest->n - m->ndelimiter};
	m->where = IN_HEAD;
	return 1;
}

int multipart_feed(struct multipart *m, struct str bytes, struct err *err)
{
	buf_str(&m->held, bytes);
	struct str rest = buf_to_str(&m->held);
	int rc;
	do
		rc = advance(m, &rest, err);
	while (rc > 0);
	memmove(m->held.p, rest.p, rest.n);
	m->held.n = rest.n;
	return rc;
}

int multipart_end(struct multipart *m, struct err *err)
{
	/* A body may end with the closing delimiter and nothing after it. */
	if (m->where == IN_HEAD && m->held.n >= 2 && memcmp(m->held.p, "--", 2) == 0)
		m->where = AT_END;
	return m->where == AT_END ? 0 : malformed(err, "the closing boundary is missing");
}

int multipart_uploads(struct multipart *m, const struct upload **out)
{
	*out = m->uploads;
	return m->nuploads;
}
