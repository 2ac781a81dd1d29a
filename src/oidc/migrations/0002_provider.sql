-- machi as provider: the city's other systems sign people in here. Instants as in step 1.

-- A system that an administrator entered on the page; those of sign-in.yaml are not here.
CREATE TABLE oidc_client (
	id @ID,
	name TEXT NOT NULL UNIQUE,         -- its client_id
	data TEXT NOT NULL,                -- JSON: the names of sign-in.yaml
	state TEXT NOT NULL CHECK (state IN ('active', 'removed')),
	created_us BIGINT NOT NULL
);

-- What somebody allowed a system to learn.
CREATE TABLE oidc_consent (
	account BIGINT NOT NULL REFERENCES account (id),
	client TEXT NOT NULL,
	scopes TEXT NOT NULL,              -- parted by spaces
	given_us BIGINT NOT NULL,
	PRIMARY KEY (account, client)
);

-- One sign-in of a person at a system. Codes and access tokens are random: their SHA-256 is kept.
CREATE TABLE oidc_grant (
	id @ID,
	account BIGINT NOT NULL REFERENCES account (id),
	client TEXT NOT NULL,
	session TEXT NOT NULL,             -- handle of the session here
	state TEXT NOT NULL CHECK (state IN ('code', 'open', 'revoked', 'ended')),
	code_hash TEXT NOT NULL UNIQUE,    -- works once
	code_until_us BIGINT NOT NULL,
	token_hash TEXT UNIQUE,            -- NULL: not yet
	token_until_us BIGINT NOT NULL,
	data TEXT NOT NULL,                -- JSON: scopes, redirect_uri, code_challenge, nonce, acr …
	created_us BIGINT NOT NULL
);
CREATE INDEX oidc_grant_session ON oidc_grant (state, session);
CREATE INDEX oidc_grant_account ON oidc_grant (account, client);
CREATE INDEX oidc_grant_created ON oidc_grant (created_us);

-- Assertions of systems that were used: each works once.
CREATE TABLE oidc_seen (
	hash TEXT PRIMARY KEY,
	until_us BIGINT NOT NULL
);
CREATE INDEX oidc_seen_until ON oidc_seen (until_us);
