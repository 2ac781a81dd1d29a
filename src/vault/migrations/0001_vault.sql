-- Keys, and what they protect. Instants are microseconds since 1970 UTC.

-- Master keys that wrapped the keys below. They themselves are never here.
CREATE TABLE vault_master (
	id @ID,
	fingerprint TEXT NOT NULL UNIQUE,  -- tells which key is needed
	source TEXT NOT NULL,              -- where it was when it came into use: "file:keys/master.key"
	state TEXT NOT NULL CHECK (state IN ('current', 'retired')),
	created_us BIGINT NOT NULL,
	retired_us BIGINT NOT NULL         -- 0: in use
);
CREATE UNIQUE INDEX vault_master_current ON vault_master (state) WHERE state = 'current';

-- Data keys. The number is a random one: that of a write that did not happen never comes again.
CREATE TABLE vault_key (
	id BIGINT PRIMARY KEY CHECK (id > 0 AND id < 4294967296),
	purpose TEXT NOT NULL,             -- struct protects.name
	state TEXT NOT NULL CHECK (state IN ('current', 'old', 'retired')),
	former BIGINT NOT NULL,            -- 1: was a key file of a former version, its texts name no key
	master BIGINT NOT NULL REFERENCES vault_master (id),
	wrapped TEXT,                      -- base64url of nonce, cipher text, tag; NULL: destroyed
	created_us BIGINT NOT NULL,
	ended_us BIGINT NOT NULL,          -- since when another one seals; 0: this one does
	retired_us BIGINT NOT NULL,        -- when it was destroyed; 0: it was not
	held BIGINT NOT NULL,              -- values sealed with it when they were last counted
	counted_us BIGINT NOT NULL,        -- 0: never counted
	CHECK ((state = 'retired') = (wrapped IS NULL))
);
CREATE UNIQUE INDEX vault_key_current ON vault_key (purpose) WHERE state = 'current';
CREATE INDEX vault_key_purpose ON vault_key (purpose, created_us);

-- Rotations: all values of a purpose sealed anew, from the lowest place to the highest.
CREATE TABLE vault_rotation (
	id @ID,
	purpose TEXT NOT NULL,
	state TEXT NOT NULL CHECK (state IN ('running', 'done')),
	started_by TEXT NOT NULL,          -- "staff:3", "cli", "system"
	place BIGINT NOT NULL,             -- how far this round is
	round BIGINT NOT NULL,             -- from 1; the last one finds nothing left
	moved BIGINT NOT NULL,             -- values sealed anew
	moved_round BIGINT NOT NULL,       -- in this round
	tally TEXT NOT NULL,               -- JSON: values by key that this round has met
	started_us BIGINT NOT NULL,
	done_us BIGINT NOT NULL            -- 0: it goes on
);
CREATE UNIQUE INDEX vault_rotation_running ON vault_rotation (purpose) WHERE state = 'running';
CREATE INDEX vault_rotation_purpose ON vault_rotation (purpose, id);
