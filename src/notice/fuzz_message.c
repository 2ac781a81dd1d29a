/* Bytes as subject, name, address and text of a mail: the headers are ours only, lines are short,
 * and all is 7 bit. */
#include <stdlib.h>
#include <string.h>

#include "notice/private.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(struct str message)
{
	static const char *const ours[] = {"Date", "From", "To", "Subject", "Message-ID", "List-Id",
	    "Auto-Submitted", "MIME-Version", "Content-Type", "Content-Language",
	    "Content-Transfer-Encoding"};
	size_t next = 0;
	bool head = true;
	while (message.n > 0) {
		const char *end = memmem(message.p, message.n, "\r\n", 2);
		if (!end || end - message.p > 300) /* an address cannot be folded */
			abort();
		struct str line = {message.p, (size_t)(end - message.p)};
		for (size_t i = 0; i < line.n; i++)
			if ((unsigned char)line.p[i] > 0x7e || line.p[i] == '\r' ||
			    line.p[i] == '\n' || line.p[i] == '\0')
				abort();
		if (head && line.n > 0 && line.p[0] != ' ') {
			/* Exactly these, in this order. */
			size_t n = next < COUNT(ours) ? strlen(ours[next]) : 0;
			if (n == 0 || line.n <= n || strncmp(line.p, ours[next], n) != 0 ||
			    line.p[n] != ':')
				abort();
			next++;
		}
		head = head && line.n > 0;
		message.n -= line.n + 2;
		message.p = end + 2;
	}
	if (head || next != COUNT(ours))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str all = {(const char *)data, size}, parts[4] = {{0}};
	if (!utf8_valid(all))
		return 0;
	for (size_t i = 0; i < COUNT(parts); i++)
		if (i + 1 == COUNT(parts))
			parts[i] = all;
		else
			(void)str_cut(&all, '|', &parts[i]);
	struct arena *a = arena_new();
	struct mail m = {
	    .from = "noreply@city.example",
	    .from_name = str_dup(a, parts[0]),
	    .to = str_dup(a, parts[1]),
	    .subject = str_dup(a, parts[2]),
	    .body = str_dup(a, parts[3]),
	    .lang = "ja",
	    .message_id = "notice.1.x@city.example",
	    .list_id = "notices.city.example",
	};
	struct str message;
	if (mail_build(a, &m, &message, NULL) == 0)
		check(message);
	arena_free(a);
	return 0;
}
