/* Bytes as a PDF that is updated and signed: never a crash, and what comes out begins with what
 * went in and can be read again. */
#include <stdlib.h>
#include <string.h>

#include "document/private.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *a = arena_new();
	struct str pdf = {(const char *)data, size}, out, value, object;
	struct pdf_update *u, *again;
	if (pdf_update_begin(a, pdf, &u, NULL) < 0) {
		arena_free(a);
		return 0;
	}
	int page = pdf_update_first_page(u, NULL);
	int number = pdf_update_new(u);
	if (page > 0 && pdf_update_object(u, page, &object, NULL) == 0 &&
	    pdf_dict_set(a, object, "Annots", "[1 0 R]", &object, NULL) == 0) {
		if (pdf_dict_find(object, "Annots", &value) && !str_is(value, "[1 0 R]"))
			abort();
		(void)pdf_update_put(u, page, object, (struct str){0});
	}
	(void)pdf_update_put(u, number, STR("<< /Type /Sig >>"), (struct str){0});
	if (pdf_update_end(u, &out, NULL) < 0 || out.n < pdf.n || memcmp(out.p, pdf.p, pdf.n) != 0)
		abort();
	if (pdf_update_begin(a, out, &again, NULL) == 0 &&
	    (pdf_update_object(again, number, &object, NULL) < 0 ||
	        !str_is(object, "<< /Type /Sig >>")))
		abort();
	arena_free(a);
	return 0;
}
