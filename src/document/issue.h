/* The register of issued documents; shared between the files of src/document only. */
#ifndef DOCUMENT_ISSUE_H
#define DOCUMENT_ISSUE_H

#include "document/document.h"
#include "store/jobs.h"
#include "store/journal.h"
#include "store/store.h"

enum document_statement {
	DOCUMENT_ADD,
	DOCUMENT_THERE,
	DOCUMENT_ORDER,
	DOCUMENT_ISSUED,
	DOCUMENT_ENTRY,
	DOCUMENT_REVOKE,
	DOCUMENT_ERASE,
	DOCUMENT_BY_ID,
	DOCUMENT_BY_CODE,
	DOCUMENT_BY_BLOB,
	DOCUMENT_OF,
	DOCUMENT_AFTER,
	DOCUMENT_SQL_COUNT
};
extern const struct sql document_sql[DOCUMENT_SQL_COUNT];
extern const struct sql *const document_statements[DOCUMENT_SQL_COUNT];

enum { CODE_LENGTH = 16 };

extern const struct document_hooks *document_hooks; /* NULL until set */
extern const struct job_kind document_jobs[];
extern const int ndocument_jobs;
extern const struct journal_verifier document_verifier;

/* The code as it is kept (capitals, no hyphens, O I L as 0 1 1); false when it cannot be a code. */
bool document_code_tidy(const char *typed, char out[CODE_LENGTH + 1]);

#endif
