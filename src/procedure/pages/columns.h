/* Tables that people take away, as CSV and XLSX. A row is a JSON object, a column says what stands
 * in it. Headings, states and dates are those of the page's language, so that the file can be read
 * as it is; with ?columns=names headings are the stable names and values are as they are stored. */
#ifndef PROCEDURE_COLUMNS_H
#define PROCEDURE_COLUMNS_H

#include <xlsxwriter.h>

#include "web/web.h"

enum column_kind {
	COLUMN_TEXT,
	COLUMN_CODE,    /* a text; people read the catalogue's `codes`.<value> */
	COLUMN_DAY,     /* "2026-11-21" */
	COLUMN_INSTANT, /* microseconds; 0: none */
	COLUMN_NUMBER,
	COLUMN_YES_NO,
};

struct column {
	const char *name; /* stable; the member of the row */
	const char *key;  /* catalogue text of the heading; NULL: only among the names */
	enum column_kind kind;
	const char *codes;
	const char *label; /* finished heading, instead of key */
};

struct columns {
	struct request *rq;
	bool named;
	struct column *items;
	size_t n, cap;
};

/* The query's part that asks for names, for struct route.inputs. */
#define COLUMNS_INPUT                                                                              \
	{                                                                                          \
		"columns", "string", false, 10                                                     \
	}

/* Those of a table that this request is to see. On the request's arena. */
struct columns *columns_new(struct request *, const struct column *, size_t n);
void columns_add(struct columns *, const struct column *);

/* The file's beginning with the headings; a row. Scratch is taken from the arena. */
void columns_csv_begin(const struct columns *, struct buf *);
void columns_csv_row(const struct columns *, struct arena *, struct buf *, const json_t *row);

/* The same for a sheet, in a book that is written in constant memory: rows in their order. */
struct columns_sheet {
	lxw_worksheet *sheet;
	lxw_format *head, *text, *day, *instant;
	lxw_row_t line;
};
void columns_sheet_begin(const struct columns *, struct columns_sheet *, lxw_workbook *);
void columns_sheet_row(
    const struct columns *, struct arena *, struct columns_sheet *, const json_t *row);

#endif
