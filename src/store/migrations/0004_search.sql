-- Full-text search; see search.h. A document's number is (kind << 48) + id, so that one kind's
-- documents are one stretch of numbers and come newest first without sorting.
CREATE TABLE search_kind (
	n    BIGINT NOT NULL PRIMARY KEY, -- from 1, below 32768
	name TEXT NOT NULL UNIQUE         -- "application"
);

-- @sqlite
CREATE TABLE search_doc (
	doc  INTEGER PRIMARY KEY,
	body TEXT NOT NULL                -- folded; the tokens of the index are made from it
);
-- Only which documents have a token: no positions, no copy of the text. The tokens come cut; the
-- tokenizer "ascii" splits them at the spaces and leaves other characters alone.
CREATE VIRTUAL TABLE search_index USING fts5(
	tokens, content='', detail=none, columnsize=0, tokenize='ascii');
-- @postgres
CREATE TABLE search_doc (
	doc    BIGINT PRIMARY KEY,
	body   TEXT NOT NULL,
	tokens TSVECTOR NOT NULL
);
-- New documents wait in a list that every search reads through: a short one.
CREATE INDEX search_doc_tokens ON search_doc USING gin (tokens) WITH (gin_pending_list_limit = 256);
