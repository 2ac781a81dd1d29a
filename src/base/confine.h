/* Lowering the rights of this process, for good. Called before threads start: what is given up here
 * is given up by the calling thread and by those it makes afterwards, and by programs it starts.
 *
 * What the kernel does not have (Landlock before Linux 5.13, W^X before 6.3) is left out and told
 * in the log; the other defences stand. Under a sanitizer nothing is done that it cannot live with.
 */
#ifndef BASE_CONFINE_H
#define BASE_CONFINE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

/* What is done for a process: no new privileges by set-user-ID programs, no core dumps and no
 * tracing (both would show personal data), no memory that is both written and executed. */
void confine_process(void);

/* What files may be used for from now on. */
enum confine_use {
	CONFINE_READ = 1,
	CONFINE_WRITE = 2, /* with reading, making and removing */
	CONFINE_EXECUTE = 4,
};
struct confine_path {
	const char *path; /* a file or a folder with all that is in it; one that is not there is
	                     passed over */
	int use;
};
/* With Landlock: everything else cannot be opened any more, whoever's it is. Sockets are not files.
 * Returns 1 when it holds, 0 when the kernel cannot. Ends the process when the kernel could and it
 * failed: half a fence is none. */
int confine_files(const struct confine_path *, size_t n);

/* System calls that are refused with EPERM from now on. CONFINE_SERVER: what only the
 * administration of a machine or a debugger needs. CONFINE_WORKER: also sockets, other programs and
 * signals to other processes. It is a list of what is refused, not of what is allowed: the latter
 * changes with each version of a library. Returns how many calls are refused; 0: the kernel cannot.
 */
enum confine_calls { CONFINE_SERVER, CONFINE_WORKER };
int confine_calls(enum confine_calls);

/* Can the fences of files and calls be set up in this build? Not under a sanitizer, which traces,
 * maps and writes files itself. */
bool confine_possible(void);

/* From root to a user for good: groups, user, saved ids. ERR_INPUT when there is no such user or it
 * is root, ERR_IO when the kernel refuses or the way back is still open. *name points to static
 * memory. Not thread-safe. */
int confine_become(const char *user, struct err *);
/* The name of a file's owner in static memory; NULL when it is root or not known. Not thread-safe.
 */
const char *confine_owner(const char *path);

#endif
