/* What the files about rights share. Private to src/identity/rights. */
#ifndef IDENTITY_RIGHTS_PRIVATE_H
#define IDENTITY_RIGHTS_PRIVATE_H

#include "identity/private.h"

/* Somebody's reasons, and the roles that they are read with. */
struct rights_side {
	const struct role_set *set;
	const struct right_reason *list;
	int n;
};
bool reason_gives(const struct rights_side *, const struct right_reason *, const char *perm);

struct right_change {
	const struct perm *perm;
	const struct right_reason *reason;
};
/* What one side gives somewhere and the other does not give there. The count; on the arena. */
int rights_difference(struct arena *, const struct rights_side *of,
    const struct rights_side *without, struct right_change **out);

struct roles_change {
	int64_t staff;
	struct rights_side before, after;
	struct right_change *gained, *lost;
	int ngained, nlost;
	unsigned shown, hidden; /* bits of the classes of fields that come and go */
};
/* Calls take for everybody whose rights or fields of today would change if the roles did. What take
 * keeps it copies. 0 or <0. */
int roles_compare(struct db *, const struct role_set *now, const struct role_set *then,
    int (*take)(void *arg, struct db *, const struct roles_change *, struct err *), void *arg,
    struct err *);

/* Why, in words; for a change also which right. New references. */
json_t *reason_view(
    struct request *, struct db *, const struct role_set *, const struct right_reason *);
json_t *right_view(struct request *, struct db *, const struct role_set *, const struct perm *,
    const struct right_reason *);
json_t *changes_view(
    struct request *, struct db *, const struct role_set *, const struct right_change *, int n);

/* Reads a file of roles that is not in use; problems are written to `out` with file (name) and
 * line. 0 and *set on the arena, or the count of problems. */
int roles_parse(
    struct arena *, const char *name, struct str text, FILE *out, const struct role_set **set);

#endif
