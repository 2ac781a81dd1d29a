-- What the store itself keeps. Instants are microseconds since 1970 UTC.

CREATE TABLE store_meta (
	key   TEXT NOT NULL PRIMARY KEY, -- "journal.origin", ...
	value TEXT NOT NULL
);

-- Gap-less numbers, see series_next().
CREATE TABLE store_series (
	name  TEXT NOT NULL PRIMARY KEY,
	value BIGINT NOT NULL            -- the last number given
);

-- @sqlite
CREATE TABLE journal (
	id         INTEGER PRIMARY KEY,
	leaf       BIGINT,               -- place in the tree, from 0; NULL: not sequenced yet
	at_us      BIGINT NOT NULL,
	actor      TEXT NOT NULL,        -- "resident:12", "staff:3", "system", "cli"
	verb       TEXT NOT NULL,        -- "application.submitted"
	subject    TEXT NOT NULL,        -- "application:123"
	data       TEXT,                 -- JSON; NULL: none, or erased
	salt       BYTEA,                -- NULL: neither data nor state, or erased
	data_hash  BYTEA,                -- SHA-256(salt || data); NULL: no data
	state_hash BYTEA,                -- SHA-256(salt || state); NULL: nothing said about the state
	leaf_hash  BYTEA NOT NULL        -- SHA-256(0x00 || leaf text), RFC 6962
);
-- @postgres
CREATE SEQUENCE journal_id_seq;
CREATE TABLE journal (
	id         BIGINT PRIMARY KEY,
	leaf       BIGINT,
	at_us      BIGINT NOT NULL,
	actor      TEXT NOT NULL,
	verb       TEXT NOT NULL,
	subject    TEXT COLLATE "C" NOT NULL,
	data       TEXT,
	salt       BYTEA,
	data_hash  BYTEA,
	state_hash BYTEA,
	leaf_hash  BYTEA NOT NULL
);
-- @both
CREATE UNIQUE INDEX journal_leaf ON journal (leaf);
CREATE INDEX journal_subject ON journal (subject, id);
CREATE INDEX journal_unsequenced ON journal (id) WHERE leaf IS NULL;

-- Roots of the complete subtrees of 256^level leaves (c2sp.org/tlog-tiles).
CREATE TABLE journal_node (
	level BIGINT NOT NULL,           -- 1, 2, ...
	n     BIGINT NOT NULL,           -- which of the level, from 0
	hash  BYTEA NOT NULL,
	PRIMARY KEY (level, n)
);

-- Signed tree heads.
CREATE TABLE journal_head (
	size      BIGINT NOT NULL PRIMARY KEY,
	at_us     BIGINT NOT NULL,
	origin    TEXT NOT NULL,
	root      BYTEA NOT NULL,
	signature BYTEA NOT NULL         -- Ed25519 over the checkpoint text
);
