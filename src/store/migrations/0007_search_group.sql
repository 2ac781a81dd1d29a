-- PostgreSQL looks through the newest documents of a group before it asks the index; see search.c.
-- The group stands in the text, behind the mark U+F8FF.
-- @postgres
ALTER TABLE search_doc ADD COLUMN grp BIGINT NOT NULL GENERATED ALWAYS AS
	(coalesce(substring(body FROM U&'\F8FF([0-9]+)$')::bigint, 0)) STORED;
CREATE INDEX search_doc_group ON search_doc (grp, doc);
-- @both
