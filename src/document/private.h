/* Shared between the files of src/document only. */
#ifndef DOCUMENT_PRIVATE_H
#define DOCUMENT_PRIVATE_H

#include <jansson.h>
#include <sys/types.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/i18n.h"
#include "base/str.h"
#include "document/document.h"

/* --- wire.c: messages between the server and its worker processes --- */

enum { WIRE_PARTS_MAX = 16, WIRE_BYTES_MAX = 64 * 1024 * 1024 };

enum wire_kind { WIRE_CALL = 1, WIRE_DONE, WIRE_FAILED };

/* A message: a kind, the number of the call it belongs to, and some parts (slices of bytes). */
struct wire_message {
	enum wire_kind kind;
	uint32_t call;
	int nparts;
	struct str parts[WIRE_PARTS_MAX];
};

/* Sends a message; deadline_ms is a monotonic clock value (wire_now_ms()), -1: none. */
int wire_send(int fd, const struct wire_message *, int64_t deadline_ms, struct err *);
/* Receives one; the parts are slices of memory on the arena. 1: a message, 0: the other side closed
 * between two messages, <0: broken, too long or too late. */
int wire_receive(
    int fd, struct arena *, struct wire_message *out, int64_t deadline_ms, struct err *);
/* Splits the body of a message into parts; what a fuzz target drives. */
int wire_split(struct str body, struct wire_message *out, struct err *);
int64_t wire_now_ms(void);

/* --- worker.c, worker_main.c --- */

/* The tasks a worker can do, by name. parts are the call's parts after the name. */
struct worker_task {
	const char *name;
	int (*run)(
	    struct arena *, const struct str *parts, int nparts, struct buf *out, struct err *);
};
/* What `machi worker` runs: lowers its rights, then answers calls on file descriptor 3 until the
 * server closes it. Returns the exit code. */
int worker_main(int argc, char **argv);
/* Process ids of the workers alive now, for tests; returns how many. */
int worker_pids(pid_t *out, int max);
/* Ends all idle workers. */
void worker_stop_all(void);

/* --- fill.c: layout and view become a page description --- */

/* Resolves a layout (as read from YAML) with a view: conditions, repetitions, texts. text_of gives
 * the catalogue's text of a key. New reference in *out. */
struct fill {
	json_t *layout; /* the template's own file */
	json_t *base;   /* base.yaml: styles and parts for all templates; may be NULL */
	json_t *view;
	const struct i18n *i18n; /* may be NULL: keys show as they are */
	const char *lang;
};
/* layout.c: struct module.layout_check */
int layout_check(struct templates *, const char *name, struct str text, struct err *);
int fill_layout(struct arena *, const struct fill *, json_t **out, struct err *);

/* --- the renderer, in the worker --- */

/* The page description as a PDF. images are PNG files named by parts: {"seal": 0}. */
int render_pages(struct arena *, json_t *description, const struct str *images, int nimages,
    struct buf *out, struct err *);
/* The official seal (公印) of an office as a PNG: the name in vermilion in a square. */
int seal_png(struct arena *, const char *text, struct buf *png, struct err *);

/* --- inspect.c, in the worker; scan.c --- */

bool inspect_knows(const char *type);
/* A word of file_look(), or NULL. Static. */
const char *inspect_bytes(struct str type, struct str bytes);
/* Asks clamd ("/run/clamav/clamd.ctl" or "host:port"): 1 infected, 0 not, <0 it did not answer. */
int scanner_ask(const char *where, struct str file, struct err *);

/* --- pdf_update.c: an incremental update (ISO 32000-1 §7.5.6) of a PDF --- */

struct pdf_update;
/* Reads the last cross-reference table, trailer and catalog of a PDF. The update keeps pdf. */
int pdf_update_begin(struct arena *, struct str pdf, struct pdf_update **out, struct err *);
/* Number of a new object. */
int pdf_update_new(struct pdf_update *);
int pdf_update_catalog(const struct pdf_update *); /* object number */
/* The object number of the first page; <0 and err when the page tree cannot be followed. */
int pdf_update_first_page(struct pdf_update *, struct err *);
/* The bytes of an object's value, as the last revision has it. */
int pdf_update_object(struct pdf_update *, int number, struct str *out, struct err *);
/* The raw value of a key of a dictionary; false when there is none. */
bool pdf_dict_find(struct str dict, const char *key, struct str *value);
/* The dictionary with the key set to value (raw PDF text), or added. */
int pdf_dict_set(struct arena *, struct str dict, const char *key, const char *value,
    struct str *out, struct err *);
/* Writes an object of the update; stream may be absent (p NULL), else dict gets its Length. Returns
 * the offset of the value's first byte in the new file. */
size_t pdf_update_put(struct pdf_update *, int number, struct str value, struct str stream);
/* Writes cross-reference table and trailer; *out is the whole new file. */
int pdf_update_end(struct pdf_update *, struct str *out, struct err *);
/* A PDF text string (UTF-16BE when it is not ASCII), in parentheses or angle brackets. */
void pdf_text(struct buf *, const char *utf8);
/* A PDF date in Japan's zone: (D:20261121093000+09'00'). */
void pdf_date(struct buf *, int64_t us);

#endif
