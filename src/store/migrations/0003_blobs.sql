-- Attachments and documents, named by their SHA-256; see blob.h.

-- Who needs a blob; unused ones are removed after a day.
CREATE TABLE blob_use (
	name    TEXT NOT NULL,           -- 64 hexadecimal digits
	subject TEXT NOT NULL,           -- "application:123"
	PRIMARY KEY (name, subject)
);
CREATE INDEX blob_use_subject ON blob_use (subject);

-- On SQLite the bytes are files in <data directory>/blobs.
-- @postgres
CREATE TABLE blob (
	name   TEXT NOT NULL PRIMARY KEY,
	size   BIGINT NOT NULL,
	put_us BIGINT NOT NULL           -- when it was last put: a day to refer to it
);
CREATE TABLE blob_chunk (
	name  TEXT NOT NULL REFERENCES blob (name) ON DELETE CASCADE,
	n     BIGINT NOT NULL,           -- from 0
	bytes BYTEA NOT NULL,
	PRIMARY KEY (name, n)
);
ALTER TABLE blob_chunk ALTER COLUMN bytes SET STORAGE EXTERNAL;
