-- Disposal (廃棄) and extension (延長) of files whose retention period has ended. A row is what somebody
-- proposed for one department; decided by somebody else and carried out, it is the disposal record
-- (廃棄記録) together with its items, and stays.
CREATE TABLE disposal (
	id @ID,
	kind TEXT NOT NULL CHECK (kind IN ('dispose', 'extend')),
	state TEXT NOT NULL CHECK (state IN ('proposed', 'approved', 'refused', 'taken_back', 'done')),
	number TEXT,                          -- of the record, given with the approval: "2026-0003"
	department BIGINT NOT NULL,           -- whose files they are
	reason TEXT NOT NULL,
	until TEXT,                           -- extension: the new last day
	items BIGINT NOT NULL,                -- how many files
	proposed_by BIGINT NOT NULL,          -- staff
	proposed_name TEXT NOT NULL,          -- names as they were then
	proposed_us BIGINT NOT NULL,
	decided_by BIGINT NOT NULL,           -- staff; 0: not yet
	decided_name TEXT,
	decided_us BIGINT NOT NULL,
	comment TEXT,                         -- of the decision
	done_us BIGINT NOT NULL,              -- when the last file was dealt with; 0: not yet
	CHECK ((kind = 'extend') = (until IS NOT NULL)),
	CHECK (decided_by <> proposed_by OR state = 'taken_back')
);
CREATE INDEX disposal_department ON disposal (department, id);

-- One file of it. What stays of a file that was disposed of stands here; nothing in it says what the
-- application was about beyond its procedure.
CREATE TABLE disposal_item (
	id @ID,
	disposal BIGINT NOT NULL REFERENCES disposal (id),
	application BIGINT NOT NULL,          -- its row is gone when state is 'done' and kind 'dispose'
	state TEXT NOT NULL CHECK (state IN ('open', 'done', 'left')),
	why TEXT CHECK (why IN ('refused', 'taken_back', 'held', 'not_closed', 'not_due', 'gone')), -- why left
	procedure TEXT NOT NULL,
	title TEXT,                           -- of the procedure, in Japanese, when it was disposed of
	department BIGINT NOT NULL,
	serial TEXT,
	receipt_number TEXT,
	account BIGINT NOT NULL,              -- whose page still says when it was disposed of; 0: counter
	channel TEXT NOT NULL,
	final_state TEXT NOT NULL,            -- closed, withdrawn, cancelled
	outcome TEXT,
	submitted_us BIGINT NOT NULL,
	decided_us BIGINT NOT NULL,
	retention_years BIGINT NOT NULL,
	kept_until TEXT NOT NULL,             -- the last day of the retention period
	done_us BIGINT NOT NULL,              -- 0: not yet
	CHECK ((state = 'left') = (why IS NOT NULL))
);
CREATE INDEX disposal_item_disposal ON disposal_item (disposal, id);
CREATE INDEX disposal_item_application ON disposal_item (application, id);
CREATE INDEX disposal_item_account ON disposal_item (account, id) WHERE account > 0;
-- A file is in one proposal at a time.
CREATE UNIQUE INDEX disposal_item_open ON disposal_item (application) WHERE state = 'open';
