-- Sessions of signed-in people. The cookie's token itself is nowhere kept, only its SHA-256.
CREATE TABLE web_session (
	hash TEXT PRIMARY KEY,        -- hexadecimal SHA-256 of the cookie's token
	handle TEXT NOT NULL UNIQUE,  -- public name of the session, for the list "signed in on"
	account BIGINT NOT NULL,      -- row of the account (module identity)
	created_us BIGINT NOT NULL,
	seen_us BIGINT NOT NULL,      -- last use, kept to some minutes
	expires_us BIGINT NOT NULL,   -- moves on with use
	lifetime_us BIGINT NOT NULL,  -- how long it lives without use
	address TEXT NOT NULL,        -- where it was started from
	agent TEXT NOT NULL           -- the browser's name as sent, cut
);
CREATE INDEX web_session_account ON web_session (account, seen_us);
CREATE INDEX web_session_expires ON web_session (expires_us);
