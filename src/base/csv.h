/* CSV (RFC 4180) in and out. Reading is streaming: memory is that of one row. */
#ifndef BASE_CSV_H
#define BASE_CSV_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"

enum csv_encoding {
	CSV_GUESS, /* by byte order mark; else UTF-8 when the first bytes are, else CP932 */
	CSV_UTF8,
	CSV_CP932, /* what Windows calls Shift_JIS */
	CSV_UTF16, /* with byte order mark, else little-endian: "Unicode text" of spreadsheets */
};

struct csv_options {
	enum csv_encoding encoding;
	char separator;    /* 0: guessed from the first line: tab or comma */
	size_t row_max;    /* bytes of a row; 0: 1 MiB */
	size_t fields_max; /* 0: 4096 */
};

struct csv_reader;

/* Reads into the buffer, returns the number of bytes, 0 at the end, -1 on an error (errno). */
typedef ssize_t (*csv_source)(void *arg, char *into, size_t n);

/* options NULL: all defaults. Never NULL. The arena keeps the rows' memory and the reader itself;
 * what the reader holds besides is given back with the arena. */
struct csv_reader *csv_reader_new(
    struct arena *, csv_source, void *arg, const struct csv_options *options);
/* From bytes in memory, which must stay. */
struct csv_reader *csv_reader_of(struct arena *, struct str bytes, const struct csv_options *);
/* From a file descriptor, which stays the caller's. */
struct csv_reader *csv_reader_fd(struct arena *, int fd, const struct csv_options *);

/* The next row: 1, with *fields (valid until the next call; NUL-terminated UTF-8 behind each) and
 * their number; 0 at the end; or ERR_INPUT with a message key base.csv.* and the line in the
 * detail, ERR_IO. Lines without any byte are skipped. Quotes inside an unquoted field are taken as
 * they are. */
int csv_next(struct csv_reader *, const struct str **fields, size_t *n, struct err *);
/* Line (from 1) on which the last row, or the row with the error, began. */
size_t csv_line(const struct csv_reader *);
/* What was found: CSV_UTF8, CSV_CP932 or CSV_UTF16; after the first csv_next(). */
enum csv_encoding csv_found(const struct csv_reader *);

/* A field, quoted where needed, after a comma unless it is the first of its row. A text that a
 * spreadsheet would run as a formula (begins with = + - @, wide or not, a tab or a line end, and is
 * no plain number) gets an apostrophe in front. */
void csv_put(struct buf *, bool first, struct str field);
/* The same, for people who open the file in a spreadsheet: what it would show as another number or
 * a date although it is none (08700012, 1234567890123, 1-8-15) is written ="08700012". */
void csv_put_text(struct buf *, bool first, struct str field);
/* A field that was read without what the two above put around it. */
struct str csv_bare(struct str field);
void csv_end(struct buf *); /* CR LF */
/* A whole row. */
void csv_row(struct buf *, const struct str *fields, size_t n);
/* Byte order mark, so that spreadsheets take the file as UTF-8. */
void csv_begin(struct buf *);

#endif
