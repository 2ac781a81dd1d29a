-- Mandates on record (代理・委任): who may act for whom, in what, how long, and what proves it. Dates and
-- instants as in step 1.
CREATE TABLE mandate_record (
	id @ID,
	state TEXT NOT NULL CHECK (state IN ('proposed', 'active', 'ended', 'refused')),
	ground TEXT NOT NULL CHECK (ground IN
		('parent', 'guardian', 'household', 'care', 'letter', 'professional', 'corporate')),
	principal BIGINT REFERENCES person (id), -- NULL: has no account here, or is an organisation
	name TEXT NOT NULL,                -- of the principal, as the agent knows it
	name_key TEXT NOT NULL,            -- without spaces
	birthday TEXT NOT NULL,            -- '': not known, or the account says it
	address TEXT NOT NULL,             -- '': as birthday
	corporate_number TEXT NOT NULL,    -- 法人番号; '': a person
	unit TEXT NOT NULL,                -- the agent's department in the organisation, '': not said
	sees_all BIGINT NOT NULL CHECK (sees_all IN (0, 1)), -- and its other agents' applications
	agent BIGINT REFERENCES account (id), -- NULL: invited, nobody has accepted yet
	invited TEXT NOT NULL,             -- mail address of the invitation, '': none; forgotten at its end
	acts BIGINT NOT NULL CHECK (acts BETWEEN 1 AND 7), -- 1 apply, 2 read, 4 receive
	scope TEXT NOT NULL,               -- '': every procedure; else procedures and 'event:<life event>'
	from_date TEXT NOT NULL,
	until_date TEXT NOT NULL,
	proof TEXT NOT NULL CHECK (proof IN ('own', 'documents', 'file', 'gbizid')),
	proof_text TEXT NOT NULL,          -- what was seen, in words
	file TEXT NOT NULL,                -- a blob, '': none
	file_name TEXT NOT NULL,
	file_type TEXT NOT NULL,
	reason TEXT NOT NULL,              -- of a refusal or an end, '': not said
	made_by TEXT NOT NULL,             -- actor ids
	decided_by TEXT NOT NULL,
	created_us BIGINT NOT NULL,
	decided_us BIGINT NOT NULL,        -- became active or was refused
	ended_us BIGINT NOT NULL,
	CHECK (from_date <= until_date)
);
CREATE INDEX mandate_record_agent ON mandate_record (agent, state);
CREATE INDEX mandate_record_principal ON mandate_record (principal, state);
CREATE INDEX mandate_record_state ON mandate_record (state, id);
CREATE INDEX mandate_record_name ON mandate_record (name_key);
CREATE INDEX mandate_record_number ON mandate_record (corporate_number);
