/* The inventory of all procedures (行政手続の棚卸し): also those that are not online yet. */
#ifndef PROCEDURE_INVENTORY_H
#define PROCEDURE_INVENTORY_H

#include "base/i18n.h"
#include "store/store.h"

struct inventory_entry {
	const char *id, *title_ja, *title_en, *department, *life_events, *law, *article;
	int64_t yearly_volume;
	const char *attachments, *where_ja, *where_en, *how_ja, *how_en;
	const char *priority; /* A, B, C or "" */
};

/* All entries in the order of their ids, or the one with an id (returns 1, 0, <0). */
int inventory_all(struct db *, struct arena *, struct inventory_entry **out, struct err *);
int inventory_find(
    struct db *, struct arena *, const char *id, struct inventory_entry *out, struct err *);

/* Is it an entry of the life event? */
bool inventory_has_event(const struct inventory_entry *, const char *key);

/* What an import found: problems name the line, the column and what to do. */
struct inventory_report {
	int rows, added, changed;
	json_t *problems; /* [{line, column, key}]; catalogue keys inventory.problem.* */
};

/* Reads a CSV whose first row names the columns (id and title_ja are a must; see
 * packs/resident/inventory/procedures.csv), by name or, with i18n (else NULL), by the headings and
 * life events of the export for people in any language (inventory.col.*). Rows replace entries with
 * the same id. With problems nothing is kept. Inside a write; dry_run writes nothing.
 * report->problems is on the arena. */
int inventory_import(struct db *, struct arena *, const struct i18n *, struct str csv,
    const char *actor, bool dry_run, struct inventory_report *, struct err *);

enum { INVENTORY_STATEMENT_COUNT = 3 };
extern const struct sql *const inventory_statements[INVENTORY_STATEMENT_COUNT];

#endif
