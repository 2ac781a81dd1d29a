-- Documents that the city issued. Instants are microseconds since 1970 UTC.

CREATE TABLE document (
	id             @ID,
	code           TEXT NOT NULL UNIQUE,     -- 16 characters of Crockford's base32
	subject        TEXT NOT NULL,            -- what it is about: "application:12"
	kind           TEXT NOT NULL,            -- the definition's id of the document: "certificate"
	template       TEXT NOT NULL,            -- layout: "certificate", "decision"
	lang           TEXT NOT NULL,
	title          TEXT NOT NULL,
	number         TEXT,                     -- "高生衛第12号"; NULL: none
	view           TEXT,                     -- JSON the pages are made from; NULL: erased
	notice         TEXT,                     -- kind of the mail to send; NULL: none
	state          TEXT NOT NULL CHECK (state IN ('waiting', 'issued', 'revoked')),
	requested_us   BIGINT NOT NULL,
	blob           TEXT,                     -- SHA-256 of the signed file, in hexadecimal
	size           BIGINT NOT NULL DEFAULT 0, -- bytes of the file; 0: erased or not made yet
	issued_us      BIGINT,
	journal_id     BIGINT,                   -- entry "document.issued"
	revoked_us     BIGINT,
	revoked_reason TEXT,
	CHECK ((state = 'waiting') = (blob IS NULL)),
	CHECK ((state = 'waiting') = (issued_us IS NULL)),
	CHECK ((state = 'revoked') = (revoked_us IS NOT NULL))
);
CREATE INDEX document_subject ON document (subject, id);
CREATE UNIQUE INDEX document_blob ON document (blob);
-- One valid document of a kind for a subject: asking twice gives the same one.
CREATE UNIQUE INDEX document_one ON document (subject, kind) WHERE state <> 'revoked';
