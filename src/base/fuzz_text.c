#include <string.h>

#include "base/check.h"
#include "base/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Folding gives UTF-8 and is stable; what a check accepts stays accepted after folding. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static void (*const folds[])(struct buf *, struct str) = {text_to_half_width,
	    text_fold_number, text_fold_digits, text_to_katakana, text_to_hiragana,
	    text_fold_search, text_bigrams, text_index_tokens};
	struct str text = {(const char *)data, size};
	for (size_t i = 0; i < COUNT(folds); i++) {
		struct buf once = {0}, twice = {0};
		folds[i](&once, text);
		if (!utf8_valid(buf_to_str(&once)))
			__builtin_trap();
		if (i == 0 || (i >= 3 && i < 6)) { /* the others leave out what stood between */
			folds[i](&twice, buf_to_str(&once));
			if (!str_eq(buf_to_str(&once), buf_to_str(&twice)))
				__builtin_trap();
		}
		buf_free(&once);
		buf_free(&twice);
	}
	(void)text_is_katakana(text);
	(void)check_email(text);
	(void)check_phone(text);
	char number[RECEIPT_NUMBER_SIZE], again[RECEIPT_NUMBER_SIZE];
	if (receipt_number_parse(text, number) &&
	    (!receipt_number_parse(str_from(number), again) || strcmp(number, again) != 0))
		__builtin_trap();
	return 0;
}
