/* Pages of the module; shared between the files of src/document only. */
#ifndef DOCUMENT_PAGES_H
#define DOCUMENT_PAGES_H

#include "store/journal.h"
#include "web/web.h"

/* "" or "/en" for links of this request. */
const char *link_base(const struct request *);
json_t *hex_view(const void *bytes, size_t n); /* lower case; new reference */
json_t *path_view(const unsigned char (*path)[HASH_SIZE], int n);

/* The signed head as members of a JSON object (origin, size, at, root, signature, checkpoint), and
 * the head itself. */
int journal_head_view(struct request *, struct tree_head *, json_t **out, struct err *);
/* An entry of the tree: {leaf, text, hash}. */
int journal_entry_view(struct request *, struct db *, int64_t leaf, json_t **out, struct err *);

int verify_form(struct request *, struct err *);
int verify_upload(struct request *, struct err *);
int verify_show(struct request *, struct err *);
int document_file(struct request *, struct err *);

int journal_page(struct request *, struct err *);
int journal_head_show(struct request *, struct err *);
int journal_checkpoint_show(struct request *, struct err *);
int journal_entry_show(struct request *, struct err *);
int journal_inclusion_show(struct request *, struct err *);
int journal_consistency_show(struct request *, struct err *);
int journal_key_show(struct request *, struct err *);

#endif
