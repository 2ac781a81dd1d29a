/* Files as people send them, made by the programs that people use. */
#include <arpa/inet.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/file.h"
#include "base/test.h"
#include "document/private.h"

static char dir[] = "/tmp/machi-inspect-XXXXXX";

/* Runs a shell command in the folder. */
static void shell(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static void shell(const char *fmt, ...)
{
	char command[2048];
	int n = snprintf(command, sizeof(command), "cd %s && ", dir);
	va_list ap;
	va_start(ap, fmt);
	(void)vsnprintf(command + n, sizeof(command) - (size_t)n, fmt, ap);
	va_end(ap);
	assert_int_equal(system(command), 0);
}

static struct str file(struct arena *a, const char *name)
{
	char path[128];
	struct str out;
	struct err err;
	(void)snprintf(path, sizeof(path), "%s/%s", dir, name);
	assert_int_equal(file_read(a, path, &out, &err), 0);
	return out;
}

static const char *found(const char *type, struct str bytes)
{
	return inspect_bytes(str_from(type), bytes);
}

#define PDF(objects, more)                                                                         \
	"%PDF-1.7\n1 0 obj<</Type/Catalog/Pages 2 0 R" more ">>endobj\n"                           \
	"2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n"                                       \
	"3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]>>endobj\n" objects                 \
	"trailer<</Root 1 0 R/Size 6>>\n%%EOF\n"

static void test_pdf(void **state)
{
	(void)state;
	struct arena *a = arena_new();
	static const struct {
		const char *pdf, *want;
	} cases[] = {
	    {PDF("", ""), NULL},
	    {PDF("", "/OpenAction<</S/JavaScript/JS(app.alert\\(1\\))>>"), "active"},
	    {PDF("4 0 obj<</S/Launch/F(cmd.exe)>>endobj\n", "/OpenAction 4 0 R"), "active"},
	    {PDF("4 0 obj[[<</S/#4aavaScript/JS 5 0 R>>]]endobj\n", "/AA 4 0 R"), "active"},
	    {PDF("4 0 obj<</Type/Filespec/F(a.exe)/EF<</F 5 0 R>>>>endobj\n",
	         "/Names<</EmbeddedFiles<</Names[(a.exe)4 0 R]>>>>"),
	        "active"},
	    {PDF("", "/OpenAction<</S/GoTo/D[3 0 R/Fit]>>"), NULL}, /* where to begin reading */
	    {PDF("", "/URI<</Base(https://city.example)>>"), NULL},
	    {"%PDF-1.7\nnothing more", "damaged"},
	    {"%PDF-1.7\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R/Size 2>>", "damaged"},
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		const char *is = found("application/pdf", str_from(cases[i].pdf));
		if (!is != !cases[i].want || (is && strcmp(is, cases[i].want) != 0))
			fail_msg("case %zu: %s, not %s", i, is ? is : "good",
			    cases[i].want ? cases[i].want : "good");
	}
	/* Where a look at object numbers alone would not find it: another generation, a late key.
	 */
	static const char script[] = "<</S/JavaScript/JS(x)>>";
	struct buf late;
	buf_init(&late, a);
	buf_puts(&late, "4 0 obj<<");
	for (int i = 0; i < 400; i++)
		buf_printf(&late, "/A%03d 0", i);
	buf_printf(&late, "/Z%s>>endobj\n", script);
	const char *hidden[] = {
	    arena_printf(a, "4 1 obj%sendobj\n", script), arena_printf(a, "%s", late.p)};
	for (size_t i = 0; i < COUNT(hidden); i++) {
		const char *pdf = arena_printf(a,
		    "%%PDF-1.7\n1 0 obj<</Type/Catalog/Pages 2 0 R/OpenAction 4 %d R>>endobj\n"
		    "2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n"
		    "3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]>>endobj\n%s"
		    "trailer<</Root 1 0 R/Size 5>>\n%%%%EOF\n",
		    i == 0, hidden[i]);
		assert_string_equal(found("application/pdf", str_from(pdf)), "active");
	}
	FILE *f = fopen(arena_printf(a, "%s/plain.pdf", dir), "w");
	assert_non_null(f);
	assert_true(fputs(PDF("", ""), f) >= 0 && fclose(f) == 0);
	/* qpdf says 3 when it mended the table of the file above. */
	shell("qpdf --warning-exit-0 --no-warn plain.pdf whole.pdf");
	shell("qpdf --encrypt user owner 256 -- whole.pdf locked.pdf");
	shell("qpdf --encrypt '' owner 256 --print=none -- whole.pdf noprint.pdf");
	shell("qpdf --object-streams=generate --compress-streams=y whole.pdf packed.pdf");
	shell("qpdf whole.pdf carrier.pdf --add-attachment plain.pdf --");
	assert_null(found("application/pdf", file(a, "whole.pdf")));
	assert_null(found("application/pdf", file(a, "packed.pdf")));
	assert_null(found("application/pdf", file(a, "noprint.pdf"))); /* it opens */
	assert_string_equal(found("application/pdf", file(a, "locked.pdf")), "locked");
	assert_string_equal(found("application/pdf", file(a, "carrier.pdf")), "active");
	arena_free(a);
}

static void test_pictures(void **state)
{
	(void)state;
	struct arena *a = arena_new();
	shell("python3 - <<'E'\n"
	      "import struct, zlib\n"
	      "def png(w, h, rows):\n"
	      "    def chunk(t, d): return struct.pack('>I', len(d)) + t + d + struct.pack('>I', "
	      "zlib.crc32(t + d))\n"
	      "    return (b'\\x89PNG\\r\\n\\x1a\\n' + chunk(b'IHDR', struct.pack('>IIBBBBB', w, "
	      "h, 8, 0, 0, 0, 0))\n"
	      "        + chunk(b'IDAT', zlib.compress(rows)) + chunk(b'IEND', b''))\n"
	      "good = png(40, 30, (b'\\0' + bytes(40)) * 30)\n"
	      "open('good.png', 'wb').write(good)\n"
	      "open('cut.png', 'wb').write(good[:-30])\n"
	      "open('altered.png', 'wb').write(good[:45] + b'x' + good[46:])\n"
	      "open('bomb.png', 'wb').write(png(60000, 60000, b'\\0' * 60001))\n"
	      "E");
	assert_null(found("image/png", file(a, "good.png")));
	assert_string_equal(found("image/png", file(a, "cut.png")), "damaged");
	assert_string_equal(found("image/png", file(a, "altered.png")), "damaged");
	assert_string_equal(found("image/png", file(a, "bomb.png")), "large");
	/* A JPEG of poppler's. */
	shell("pdftoppm -jpeg -r 30 -singlefile whole.pdf page");
	struct str jpeg = file(a, "page.jpg");
	assert_null(found("image/jpeg", jpeg));
	assert_string_equal(found("image/jpeg", (struct str){jpeg.p, jpeg.n / 2}), "damaged");
	assert_string_equal(found("image/jpeg", (struct str){jpeg.p, 20}), "damaged");
	arena_free(a);
}

static void test_other(void **state)
{
	(void)state;
	assert_false(inspect_knows("text/plain"));
	assert_null(found("text/plain", str_from("words")));
}

/* --- the scanner's protocol, with one that answers as it is told --- */

struct scanner {
	int fd;
	const char *answer;
	bool early; /* answers and closes before it was sent anything */
	char got[64];
	size_t ngot;
};

static void *scanner_main(void *arg)
{
	struct scanner *s = arg;
	int fd = accept(s->fd, NULL, NULL);
	char chunk[4096];
	while (!s->early) {
		ssize_t n = recv(fd, chunk, sizeof(chunk), 0);
		if (n <= 0)
			break;
		size_t room = sizeof(s->got) - s->ngot;
		size_t keep = (size_t)n < room ? (size_t)n : room;
		memcpy(s->got + s->ngot, chunk, keep);
		s->ngot += keep;
		if (n >= 4 && memcmp(chunk + n - 4, "\0\0\0\0", 4) == 0)
			break;
	}
	if (s->answer)
		(void)!write(fd, s->answer, strlen(s->answer) + 1);
	(void)close(fd);
	return NULL;
}

static int ask(struct scanner *s, struct str bytes, struct err *err)
{
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t n = sizeof(in);
	s->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(s->fd, (struct sockaddr *)&in, n), 0);
	assert_int_equal(listen(s->fd, 1), 0);
	assert_int_equal(getsockname(s->fd, (struct sockaddr *)&in, &n), 0);
	pthread_t thread;
	assert_int_equal(pthread_create(&thread, NULL, scanner_main, s), 0);
	char where[32];
	(void)snprintf(where, sizeof(where), "127.0.0.1:%d", ntohs(in.sin_port));
	int rc = scanner_ask(where, bytes, err);
	pthread_join(thread, NULL);
	(void)close(s->fd);
	return rc;
}

static void test_scanner(void **state)
{
	(void)state;
	struct err err = {0};
	struct scanner good = {.answer = "stream: OK"}, bad = {.answer = "stream: Eicar FOUND"},
	               full = {.answer = "INSTREAM size limit exceeded. ERROR", .early = true},
	               mute = {.answer = NULL}, odd = {.answer = "stream: NOT FOUND HERE"};
	assert_int_equal(ask(&good, str_from("word"), &err), 0);
	assert_int_equal(good.ngot, 10 + 4 + 4 + 4);
	assert_memory_equal(good.got, "zINSTREAM\0\0\0\0\4word\0\0\0\0", good.ngot);
	assert_int_equal(ask(&bad, str_from("word"), &err), 1);
	assert_int_equal(ask(&mute, str_from("word"), &err), -(int)ERR_IO);
	assert_int_equal(ask(&odd, str_from("word"), &err), -(int)ERR_IO);
	char *much = calloc(1, 8 << 20);
	assert_non_null(much);
	memset(much, 'x', 8 << 20);
	assert_int_equal(ask(&full, (struct str){much, 8 << 20}, &err), -(int)ERR_IO);
	free(much);
	assert_int_equal(scanner_ask("/tmp/not/there.ctl", str_from(""), &err), -(int)ERR_IO);
	assert_int_equal(scanner_ask("127.0.0.1:1", str_from(""), &err), -(int)ERR_IO);
	assert_int_equal(scanner_ask("nowhere", str_from(""), &err), -(int)ERR_INPUT);
}

static int folder_make(void **state)
{
	(void)state;
	return mkdtemp(dir) ? 0 : -1;
}

static int folder_remove(void **state)
{
	(void)state;
	shell("rm -rf %s", dir);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_pdf),
	    cmocka_unit_test(test_pictures),
	    cmocka_unit_test(test_other),
	    cmocka_unit_test(test_scanner),
	};
	return cmocka_run_group_tests(tests, folder_make, folder_remove);
}
