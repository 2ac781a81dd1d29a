-- What is known of a person and what an account signs in with. Dates and instants as in step 1.

-- 身元確認: how a person was proven, a row for each time. Level 1 (self-asserted) has no row.
CREATE TABLE identity_proof (
	id @ID,
	person BIGINT NOT NULL REFERENCES person (id),
	level BIGINT NOT NULL CHECK (level BETWEEN 2 AND 3), -- 身元確認保証レベル (DS-511)
	method TEXT NOT NULL,              -- 'counter', 'card', or the provider's name
	issuer TEXT NOT NULL,              -- who vouches: certificate authority, provider, 'staff:3'
	reference TEXT NOT NULL,           -- what it can be looked up by there; never a serial in clear
	from_date TEXT NOT NULL,
	until_date TEXT NOT NULL,
	created_us BIGINT NOT NULL,
	CHECK (from_date <= until_date)
);
CREATE INDEX identity_proof_person ON identity_proof (person, until_date);

-- A key that one account signs in with: a passkey, a client certificate.
CREATE TABLE credential (
	id @ID,
	account BIGINT NOT NULL REFERENCES account (id),
	kind TEXT NOT NULL CHECK (kind IN ('passkey', 'certificate')),
	name TEXT NOT NULL,                -- what its owner calls it
	handle TEXT NOT NULL,              -- what it is found by: credential id (base64url), fingerprint
	data TEXT NOT NULL,                -- JSON of the kind: public key, algorithm, transports
	counter BIGINT NOT NULL,           -- of signatures; 0: the key does not count
	created_us BIGINT NOT NULL,
	used_us BIGINT NOT NULL,
	state TEXT NOT NULL CHECK (state IN ('active', 'blocked', 'removed')), -- blocked: a copy was seen
	UNIQUE (kind, handle)
);
CREATE INDEX credential_account ON credential (account, kind);

-- Somebody's name at an outside issuer that an account is signed in to by.
CREATE TABLE identifier (
	id @ID,
	account BIGINT NOT NULL REFERENCES account (id),
	kind TEXT NOT NULL CHECK (kind IN ('card', 'oidc')),
	issuer TEXT NOT NULL,
	subject TEXT NOT NULL,             -- keyed hash of a card's serial; sub of an OpenID provider
	valid_from TEXT NOT NULL,
	valid_until TEXT NOT NULL,
	state TEXT NOT NULL CHECK (state IN ('active', 'replaced', 'revoked', 'removed')),
	data TEXT NOT NULL,                -- JSON of the kind, for display
	created_us BIGINT NOT NULL,
	used_us BIGINT NOT NULL,
	CHECK (valid_from <= valid_until)
);
-- One account for an outside identity; what ended may come again.
CREATE UNIQUE INDEX identifier_subject ON identifier (kind, issuer, subject) WHERE state = 'active';
CREATE INDEX identifier_account ON identifier (account, kind);

-- What a sign-in or registration of a key waits for (a challenge, a nonce, a state): kept here and
-- used once. Only the SHA-256 of the token that finds it is kept.
CREATE TABLE challenge (
	hash TEXT PRIMARY KEY,
	kind TEXT NOT NULL,
	account BIGINT REFERENCES account (id), -- NULL: it is not known yet who it is
	data TEXT,                         -- what has to come back, and where it leads to
	created_us BIGINT NOT NULL,
	expires_us BIGINT NOT NULL
);
CREATE INDEX challenge_expires ON challenge (expires_us);

-- The sign-in log says by what. refused: a key, card or provider that was not believed; raised: a
-- session that was given another level.
ALTER TABLE sign_in ADD COLUMN method TEXT NOT NULL DEFAULT '';
-- @sqlite
CREATE TABLE sign_in_new (
	id @ID,
	account BIGINT REFERENCES account (id), -- NULL: no such account (what was typed is not kept)
	at_us BIGINT NOT NULL,
	outcome TEXT NOT NULL CHECK (outcome IN ('ok', 'password', 'second', 'wait', 'state', 'unknown',
		'refused', 'raised')),
	address TEXT NOT NULL,
	agent TEXT NOT NULL,
	method TEXT NOT NULL DEFAULT ''    -- '': from before it was kept
);
INSERT INTO sign_in_new SELECT id, account, at_us, outcome, address, agent, method FROM sign_in;
DELETE FROM sqlite_sequence WHERE name = 'sign_in_new';
INSERT INTO sqlite_sequence (name, seq) SELECT 'sign_in_new', seq FROM sqlite_sequence WHERE name = 'sign_in';
DROP TABLE sign_in;
ALTER TABLE sign_in_new RENAME TO sign_in;
CREATE INDEX sign_in_account ON sign_in (account, id);
CREATE INDEX sign_in_at ON sign_in (at_us);
-- @postgres
ALTER TABLE sign_in DROP CONSTRAINT sign_in_outcome_check;
ALTER TABLE sign_in ADD CONSTRAINT sign_in_outcome_check CHECK (outcome IN ('ok', 'password', 'second',
	'wait', 'state', 'unknown', 'refused', 'raised'));
-- @both
