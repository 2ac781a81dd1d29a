-- 支援措置: whose records are open to those named only (住民基本台帳事務処理要領 第5の10). In force from its
-- first day until staff end it: a forgotten extension must not open an address.
CREATE TABLE block (
	id @ID,
	state TEXT NOT NULL CHECK (state IN ('active', 'ended')),
	from_date TEXT NOT NULL,
	until_date TEXT NOT NULL,          -- one year; tasks come before it, nothing opens by itself
	ground TEXT NOT NULL CHECK (ground IN ('violence', 'stalking', 'child', 'similar')),
	opinion TEXT NOT NULL,             -- who gave the opinion: police, consultation centre
	scope TEXT NOT NULL,               -- what it covers, in words
	received_from TEXT NOT NULL,       -- cities, '': none
	forwarded_to TEXT NOT NULL,
	send_to TEXT NOT NULL,             -- where letters go instead, '': not said
	send_mail TEXT NOT NULL,           -- where mails go instead, '': none are sent
	told BIGINT NOT NULL,              -- days before the end of which the last task was told; 99: none
	created_us BIGINT NOT NULL,
	CHECK (from_date <= until_date)
);
CREATE INDEX block_state ON block (state, until_date);

-- The protected person, and those of the same address.
CREATE TABLE block_subject (
	id @ID,
	block BIGINT NOT NULL REFERENCES block (id),
	person BIGINT REFERENCES person (id), -- NULL: has no account here
	name TEXT NOT NULL,
	name_key TEXT NOT NULL,            -- without spaces
	birthday TEXT NOT NULL             -- '': not known
);
CREATE INDEX block_subject_block ON block_subject (block);
CREATE INDEX block_subject_person ON block_subject (person);

-- 相手方
CREATE TABLE block_party (
	id @ID,
	block BIGINT NOT NULL REFERENCES block (id),
	name TEXT NOT NULL,
	name_key TEXT NOT NULL,
	birthday TEXT NOT NULL
);
CREATE INDEX block_party_block ON block_party (block);
CREATE INDEX block_party_name ON block_party (name_key);

-- For whom the records are open.
CREATE TABLE block_staff (
	block BIGINT NOT NULL REFERENCES block (id),
	staff BIGINT NOT NULL REFERENCES staff (id),
	PRIMARY KEY (block, staff)
);
