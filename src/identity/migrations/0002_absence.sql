-- Why somebody is away; deputies in an order, and by post.
ALTER TABLE absence ADD COLUMN reason TEXT NOT NULL DEFAULT '' -- '': not said
	CHECK (reason IN ('', 'leave', 'sick', 'special', 'trip', 'training', 'care', 'other'));
CREATE INDEX absence_until ON absence (until_date);

-- 代決者: who acts for an absent officer, asked in the order of place. Either somebody by name, or
-- whoever holds a rank in the department that the case is in.
CREATE TABLE deputy_new (
	id @ID,
	staff BIGINT NOT NULL REFERENCES staff (id),  -- the officer
	deputy BIGINT REFERENCES staff (id),          -- who acts; NULL: by rank
	department BIGINT REFERENCES department (id), -- NULL: in every department
	from_date TEXT NOT NULL,
	until_date TEXT NOT NULL,
	rank BIGINT CHECK (rank BETWEEN 1 AND 4),     -- 係長 課長 部長 市長; NULL: by name
	place BIGINT NOT NULL CHECK (place BETWEEN 0 AND 98), -- 0: asked first
	CHECK (from_date <= until_date),
	CHECK (staff <> deputy),
	CHECK ((deputy IS NULL) <> (rank IS NULL))
);
INSERT INTO deputy_new (id, staff, deputy, department, from_date, until_date, place)
	SELECT id, staff, deputy, department, from_date, until_date, 0 FROM deputy;
-- The numbers go on where they were.
-- @sqlite
DELETE FROM sqlite_sequence WHERE name = 'deputy_new';
INSERT INTO sqlite_sequence (name, seq) SELECT 'deputy_new', seq FROM sqlite_sequence WHERE name = 'deputy';
-- @postgres
SELECT setval(pg_get_serial_sequence('deputy_new', 'id'), nextval(pg_get_serial_sequence('deputy', 'id')));
-- @both
DROP TABLE deputy;
ALTER TABLE deputy_new RENAME TO deputy;
CREATE INDEX deputy_staff ON deputy (staff, until_date);
CREATE INDEX deputy_deputy ON deputy (deputy, until_date);
