#include <sys/mman.h>
#include <unistd.h>

#include "store/archive.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Whatever the bytes are, opening a backup ends with files that lie inside it, or with a message.
 */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int fd = memfd_create("backup", MFD_CLOEXEC);
	if (fd < 0 || write(fd, data, size) != (ssize_t)size)
		__builtin_trap();
	char path[64];
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	struct archive_in *a;
	struct err err = {0};
	int rc = archive_open(path, &a, &err);
	if (rc < 0 && (err.kind != ERR_INPUT || !err.detail[0]))
		__builtin_trap();
	size_t n = 0;
	const struct archive_file *f = rc == 0 ? archive_files(a, &n) : NULL;
	for (size_t i = 0; i < n; i++)
		if (f[i].at < 0 || f[i].size < 0 || f[i].at > (int64_t)size ||
		    f[i].size > (int64_t)size - f[i].at || !archive_find(a, f[i].name))
			__builtin_trap();
	if (rc == 0)
		archive_close(a);
	(void)close(fd);
	return 0;
}
