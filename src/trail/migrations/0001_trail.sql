-- Who read or changed personal data, and why. Instants are microseconds since 1970 UTC.

-- One row for each reading or change by staff. No names of residents: rows are named.
CREATE TABLE trail (
	id          @ID,
	batch       BIGINT NOT NULL,      -- the batch that the journal proves; 0: not sealed yet
	at_us       BIGINT NOT NULL,
	staff       BIGINT NOT NULL,      -- who
	token       BIGINT NOT NULL CHECK (token IN (0, 1)), -- by an API token
	address     TEXT NOT NULL,        -- of the terminal; '' when not known
	kind        TEXT NOT NULL,        -- read, list, search, look-up, file, document, print, export, staff, mail, change
	verb        TEXT,                 -- of a change: "application.accepted"
	person      BIGINT NOT NULL,      -- whom: row of person; 0: not one, or not known
	application BIGINT NOT NULL,      -- 0: none
	department  BIGINT NOT NULL,      -- whose work it was; 0: not known
	subject     TEXT,                 -- what else: "document:1a2b", "staff:3"
	procedure   TEXT,                 -- purpose: the procedure whose work it was
	fields      BIGINT NOT NULL,      -- bits: 1 basic, 2 personal, 4 sensitive, 8 個人番号
	count       BIGINT NOT NULL,      -- how many people were shown
	beyond      BIGINT NOT NULL CHECK (beyond IN (0, 1)), -- outside the reader's own work
	reason      TEXT,                 -- as given; a must when beyond
	detail      TEXT                  -- words searched for, format of an export, name of a file
);
CREATE INDEX trail_sealed ON trail (batch, id);
CREATE INDEX trail_at ON trail (at_us, id);
CREATE INDEX trail_by ON trail (staff, at_us, id);
CREATE INDEX trail_person ON trail (person, at_us, id) WHERE person > 0;
CREATE INDEX trail_application ON trail (application, at_us, id) WHERE application > 0;

-- Rows that one entry of the journal covers: subject "trail:<id>", its state are the rows.
CREATE TABLE trail_batch (
	id    @ID,
	at_us BIGINT NOT NULL,
	rows  BIGINT NOT NULL
);
CREATE INDEX trail_batch_at ON trail_batch (at_us);

-- Reasons that staff gave for looking beyond their own work; they count until the time is over.
CREATE TABLE trail_reason (
	staff    BIGINT NOT NULL,
	subject  TEXT NOT NULL,           -- "application:12"
	reason   TEXT NOT NULL,
	until_us BIGINT NOT NULL,
	PRIMARY KEY (staff, subject)
);
CREATE INDEX trail_reason_until ON trail_reason (until_us);
