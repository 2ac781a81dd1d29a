-- Exports of many people: asked for by one, approved by another, fetched once.
CREATE TABLE bulk_export (
	id         @ID,
	mark       TEXT NOT NULL UNIQUE,  -- stands in each row of the file
	state      TEXT NOT NULL CHECK (state IN ('waiting', 'approved', 'refused', 'fetched')),
	staff      BIGINT NOT NULL,       -- who asked, and alone may fetch it
	format     TEXT NOT NULL CHECK (format IN ('csv', 'xlsx')),
	query      TEXT NOT NULL,         -- of the list: "scope=all&procedure=dog-registration"
	procedure  TEXT,                  -- with its answers; NULL: several, without
	from_date  TEXT,
	until_date TEXT,
	people     BIGINT NOT NULL,       -- when it was asked for
	purpose    TEXT NOT NULL,
	asked_us   BIGINT NOT NULL,
	decided_by BIGINT NOT NULL,       -- 0: nobody yet
	decided_us BIGINT NOT NULL,
	comment    TEXT,
	until_us   BIGINT NOT NULL,       -- to be fetched before
	fetched_us BIGINT NOT NULL,
	CHECK (decided_by <> staff)       -- four eyes
);
CREATE INDEX bulk_export_of ON bulk_export (staff, id);
CREATE INDEX bulk_export_waiting ON bulk_export (id) WHERE state = 'waiting';
