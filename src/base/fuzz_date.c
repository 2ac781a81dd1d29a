#include <string.h>

#include "base/time.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What is read as a date or an instant is one, and writing it and reading it again gives the same.
 */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str text = {(const char *)data, size};
	struct arena *a = arena_new();
	struct date d, again;
	if (date_parse(text, &d)) {
		const char *forms[] = {
		    date_format(a, d), date_text(a, d, "ja"), date_era_text(a, d, "ja")};
		for (size_t i = 0; i < COUNT(forms); i++) {
			/* Years that no text has: below 1000 without zeros, era years of three
			 * digits. */
			if (i > 0 && (d.year < 1000 || (i == 2 && d.year > 2117)))
				continue;
			if (!date_parse(str_from(forms[i]), &again) || date_compare(d, again) != 0)
				__builtin_trap();
		}
		if (date_compare(date_of_us(date_start_us(d)), d) != 0 ||
		    date_compare(date_from_days(date_to_days(d)), d) != 0)
			__builtin_trap();
		(void)date_add_business_days(d, (int)(size % 20) - 10);
	}
	int64_t us, us_again;
	if (instant_parse(text, &us)) {
		char *form = instant_format(a, us);
		/* An offset can carry the first and last day out of the years that have a form. */
		if (strncmp(form, "0000", 4) != 0 &&
		    (!instant_parse(str_from(form), &us_again) || us != us_again))
			__builtin_trap();
	}
	arena_free(a);
	return 0;
}
