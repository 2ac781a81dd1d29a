-- An application's department stands with what is indexed of it, so that a search asks the index for
-- the departments that one may read alone.
-- @sqlite
UPDATE search_doc SET body = body || ' ' || char(63743) ||
	(SELECT department FROM application WHERE id = (doc & 281474976710655))
WHERE doc >> 48 = (SELECT n FROM search_kind WHERE name = 'application')
	AND EXISTS (SELECT 1 FROM application WHERE id = (doc & 281474976710655) AND department > 0);
-- @postgres
UPDATE search_doc SET body = body || ' ' || chr(63743) ||
	(SELECT department FROM application WHERE id = (doc & 281474976710655))
WHERE doc >> 48 = (SELECT n FROM search_kind WHERE name = 'application')
	AND EXISTS (SELECT 1 FROM application WHERE id = (doc & 281474976710655) AND department > 0);
-- @both
-- @search: the index is made anew from the texts
