-- Accounts, people, staff, departments, posts, roles, tokens and the sign-in log.
--
-- Dates are YYYY-MM-DD; a period holds both its first and its last day (「～まで」), without an end it
-- ends on 9999-12-31. Instants are microseconds since 1970 UTC, 0: never. 個人番号 is not kept here.

-- A way to sign in. One human being may have a resident's and a staff account: the two never share
-- a session.
CREATE TABLE account (
	id @ID,
	kind TEXT NOT NULL CHECK (kind IN ('resident', 'staff')),
	login TEXT NOT NULL,               -- mail address (resident) or login name (staff), as typed
	login_key TEXT NOT NULL,           -- the same folded: half-width, lower-case; closed accounts
	                                   -- give it back ('closed:<id>')
	mail TEXT,                         -- where notices go; NULL: none (staff only)
	password_hash TEXT,                -- argon2id, PHC string; NULL: no password set yet
	password_us BIGINT NOT NULL,       -- when it was set
	totp_secret TEXT,                  -- sealed with the city's key; NULL: no second factor
	totp_pending TEXT,                 -- sealed; shown as QR code, not yet proven by a code
	totp_step BIGINT NOT NULL,         -- last time step that was used: no code works twice
	state TEXT NOT NULL CHECK (state IN ('active', 'locked', 'closed')),
	lang TEXT NOT NULL CHECK (lang IN ('ja', 'en')),
	created_us BIGINT NOT NULL,
	signed_in_us BIGINT NOT NULL,      -- last sign-in; not part of the journalled state
	UNIQUE (kind, login_key)
);

-- A natural person the city deals with: account holders, and people entered at the counter.
CREATE TABLE person (
	id @ID,
	account BIGINT UNIQUE REFERENCES account (id), -- NULL: no account (any more)
	profile TEXT NOT NULL,             -- JSON: name, furigana, birthday, address, phone, email
	name TEXT NOT NULL,                -- for display: family and given name
	name_key TEXT NOT NULL,            -- family and given name without spaces
	kana_key TEXT NOT NULL,            -- furigana without spaces
	birthday TEXT NOT NULL,            -- '' when not known
	mail TEXT,
	lang TEXT NOT NULL,
	created_us BIGINT NOT NULL
);
CREATE INDEX person_kana ON person (kana_key, birthday);
CREATE INDEX person_name ON person (name_key, birthday);

CREATE TABLE staff (
	id @ID,
	account BIGINT NOT NULL UNIQUE REFERENCES account (id),
	name TEXT NOT NULL,
	name_key TEXT NOT NULL,            -- without spaces, for search
	kana TEXT NOT NULL,                -- '' when not known
	state TEXT NOT NULL CHECK (state IN ('active', 'left')),
	created_us BIGINT NOT NULL
);

-- 部署. A reorganisation ends a row and adds another; what refers to the old one keeps its name.
CREATE TABLE department (
	id @ID,
	code TEXT NOT NULL UNIQUE,         -- 組織コード
	name TEXT NOT NULL,
	name_en TEXT NOT NULL,             -- '' when there is none
	parent BIGINT REFERENCES department (id), -- NULL: top
	from_date TEXT NOT NULL,
	until_date TEXT NOT NULL,
	CHECK (from_date <= until_date)
);
CREATE INDEX department_name ON department (name, until_date);
CREATE INDEX department_parent ON department (parent);

-- 職: a rank in a department for a term of office. Several at a time: 兼務.
CREATE TABLE post (
	id @ID,
	staff BIGINT NOT NULL REFERENCES staff (id),
	department BIGINT NOT NULL REFERENCES department (id),
	rank BIGINT NOT NULL CHECK (rank BETWEEN 0 AND 4), -- 係員 係長 課長 部長 市長
	acting BIGINT NOT NULL CHECK (acting IN (0, 1)),   -- 事務取扱, 職務代理
	from_date TEXT NOT NULL,
	until_date TEXT NOT NULL,
	CHECK (from_date <= until_date)
);
CREATE INDEX post_department ON post (department, rank, until_date);
CREATE INDEX post_staff ON post (staff, until_date);

CREATE TABLE absence (
	id @ID,
	staff BIGINT NOT NULL REFERENCES staff (id),
	from_date TEXT NOT NULL,
	until_date TEXT NOT NULL,
	CHECK (from_date <= until_date)
);
CREATE INDEX absence_staff ON absence (staff, until_date);

-- 代決者: who acts for an absent officer.
CREATE TABLE deputy (
	id @ID,
	staff BIGINT NOT NULL REFERENCES staff (id),  -- the officer
	deputy BIGINT NOT NULL REFERENCES staff (id), -- who acts
	department BIGINT REFERENCES department (id), -- NULL: in every department
	from_date TEXT NOT NULL,
	until_date TEXT NOT NULL,
	CHECK (from_date <= until_date),
	CHECK (staff <> deputy)
);
CREATE INDEX deputy_staff ON deputy (staff, until_date);
CREATE INDEX deputy_deputy ON deputy (deputy, until_date);

-- Roles beyond those that come with a post. Role names: src/identity/roles.c.
CREATE TABLE role_grant (
	id @ID,
	staff BIGINT NOT NULL REFERENCES staff (id),
	role TEXT NOT NULL,
	department BIGINT REFERENCES department (id), -- with the departments below it; NULL: whole city
	from_date TEXT NOT NULL,
	until_date TEXT NOT NULL,
	CHECK (from_date <= until_date)
);
CREATE INDEX role_grant_staff ON role_grant (staff, until_date);

-- A registration that waits for its mail to be confirmed. There may be several for one address (one
-- of them perhaps a stranger's): confirming asks for the password that was chosen with it.
CREATE TABLE registration (
	hash TEXT PRIMARY KEY,             -- SHA-256 of the token in the mail
	mail TEXT NOT NULL,
	password_hash TEXT NOT NULL,
	profile TEXT NOT NULL,             -- JSON as in person
	lang TEXT NOT NULL,
	created_us BIGINT NOT NULL,
	expires_us BIGINT NOT NULL
);
CREATE INDEX registration_expires ON registration (expires_us);

-- One-time tokens. Only their SHA-256 is kept.
CREATE TABLE once_token (
	hash TEXT PRIMARY KEY,
	kind TEXT NOT NULL CHECK (kind IN ('reset', 'mail', 'second')),
	account BIGINT NOT NULL REFERENCES account (id),
	data TEXT,                         -- mail: the new address; second: where to go after sign-in
	created_us BIGINT NOT NULL,
	expires_us BIGINT NOT NULL
);
CREATE INDEX once_token_account ON once_token (account, kind);
CREATE INDEX once_token_expires ON once_token (expires_us);

CREATE TABLE recovery_code (
	account BIGINT NOT NULL REFERENCES account (id),
	hash TEXT NOT NULL,
	PRIMARY KEY (account, hash)
);

CREATE TABLE api_token (
	id @ID,
	account BIGINT NOT NULL REFERENCES account (id),
	name TEXT NOT NULL,
	hash TEXT NOT NULL UNIQUE,         -- SHA-256
	scopes TEXT NOT NULL,              -- space-separated: read, write, and permissions
	created_us BIGINT NOT NULL,
	expires_us BIGINT NOT NULL,
	used_us BIGINT NOT NULL,           -- by the day: not written on each use
	revoked_us BIGINT NOT NULL
);
CREATE INDEX api_token_account ON api_token (account);

-- A browser that signed in before: no notice is sent, and failures of strangers do not slow it.
CREATE TABLE device (
	id @ID,
	account BIGINT NOT NULL REFERENCES account (id),
	hash TEXT NOT NULL,                -- SHA-256 of its cookie
	first_us BIGINT NOT NULL,
	last_us BIGINT NOT NULL,
	UNIQUE (account, hash)
);

-- Failed attempts in a row, by what was tried: known and unknown logins alike, so that the answer
-- does not tell whether an account exists.
CREATE TABLE attempt (
	key TEXT PRIMARY KEY,              -- SHA-256 of kind and folded login, or of the device
	failed BIGINT NOT NULL,
	at_us BIGINT NOT NULL
);
CREATE INDEX attempt_at ON attempt (at_us);

CREATE TABLE sign_in (
	id @ID,
	account BIGINT REFERENCES account (id), -- NULL: no such account (what was typed is not kept)
	at_us BIGINT NOT NULL,
	outcome TEXT NOT NULL CHECK (outcome IN ('ok', 'password', 'second', 'wait', 'state', 'unknown')),
	address TEXT NOT NULL,
	agent TEXT NOT NULL
);
CREATE INDEX sign_in_account ON sign_in (account, id);
CREATE INDEX sign_in_at ON sign_in (at_us);
