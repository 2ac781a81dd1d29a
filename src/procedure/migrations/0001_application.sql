-- Applications (申請) and what belongs to them.
CREATE TABLE application (
	id @ID,
	procedure TEXT NOT NULL,              -- id of the definition
	version TEXT NOT NULL,                -- of the definition it was begun under; kept to the end
	state TEXT NOT NULL CHECK (state IN ('draft', 'submitted', 'accepted', 'reviewing', 'correction',
		'approval', 'payment', 'granted', 'refused', 'withdrawn', 'cancelled', 'closed')),
	bucket BIGINT NOT NULL CHECK (bucket BETWEEN 0 AND 3), -- follows state: 0 draft, 1 office's turn,
	                                      -- 2 applicant's turn, 3 done
	order_key BIGINT NOT NULL,            -- place in every list, ascending: day of the due date; of
	                                      -- drafts the day of expiry; of done ones minus the day decided
	turn BIGINT NOT NULL,                 -- grows with each change
	kids BIGINT NOT NULL,                 -- bit set of the child tables that have rows (private.h)
	receipt_number TEXT UNIQUE,           -- 到達番号
	serial TEXT,                          -- 受付番号
	account BIGINT NOT NULL,              -- the resident who made it; 0: made at the counter
	applicant_person BIGINT NOT NULL,
	applicant_kind TEXT NOT NULL,         -- resident, business, proxy
	applicant_name TEXT,
	channel TEXT NOT NULL CHECK (channel IN ('online', 'counter')),
	created_by TEXT NOT NULL,             -- actor id
	department BIGINT NOT NULL,           -- 0: nobody's yet
	assignee BIGINT NOT NULL,             -- staff; 0: nobody
	revision BIGINT NOT NULL,             -- of answers
	step BIGINT NOT NULL,                 -- furthest form step of a draft
	due TEXT,                             -- last day of the processing period
	period_days BIGINT NOT NULL,          -- 0: none
	period_kind TEXT NOT NULL CHECK (period_kind IN ('business', 'calendar')),
	clock_stopped_us BIGINT NOT NULL,     -- since when a correction is waited for; 0: clock runs
	stopped_days BIGINT NOT NULL,         -- by how many days due was moved for that
	fee_yen BIGINT NOT NULL CHECK (fee_yen >= 0),
	paid_yen BIGINT NOT NULL CHECK (paid_yen >= 0),
	fee_before BIGINT NOT NULL,           -- 1: the fee is paid before the decision takes effect
	outcome TEXT CHECK (outcome IN ('granted', 'refused')),
	reason TEXT,
	round BIGINT NOT NULL,                -- decisions drafted so far
	drafter BIGINT NOT NULL,              -- staff of the draft decision; 0: none
	place TEXT CHECK (place IN ('taken', 'waiting')), -- where capacity is limited
	place_key TEXT,
	numbers TEXT,                         -- JSON object: series -> number
	retention_years BIGINT NOT NULL,      -- 0: permanent, -1: not decided yet
	disposal_on TEXT,                     -- last day of the retention period
	hold_reason TEXT,                     -- disposal is stopped
	created_us BIGINT NOT NULL,
	updated_us BIGINT NOT NULL,
	submitted_us BIGINT NOT NULL,         -- 到達; 0: not yet
	accepted_us BIGINT NOT NULL,
	decided_us BIGINT NOT NULL,
	answers TEXT NOT NULL                 -- JSON, 個人番号 sealed; last, because it is long
);
-- The lists read an index in its order; what they filter by besides stands behind the order, so that
-- it is decided without fetching the row.
CREATE INDEX application_department
	ON application (department, bucket, order_key, id, state, procedure, assignee);
CREATE INDEX application_all ON application (bucket, order_key, id, state, procedure, department);
CREATE INDEX application_assignee ON application (assignee, bucket, order_key, id)
	WHERE assignee > 0;
CREATE INDEX application_account ON application (account, bucket, id) WHERE account > 0;
CREATE INDEX application_submitted ON application (submitted_us, id, state, procedure, department)
	WHERE submitted_us > 0;
CREATE UNIQUE INDEX application_serial ON application (serial, procedure) WHERE serial IS NOT NULL;
CREATE INDEX application_disposal ON application (disposal_on, id) WHERE disposal_on IS NOT NULL;

-- Answers that a later revision replaced.
CREATE TABLE answer_version (
	application BIGINT NOT NULL REFERENCES application (id) ON DELETE CASCADE,
	revision BIGINT NOT NULL,
	actor TEXT NOT NULL,                  -- who replaced it
	at_us BIGINT NOT NULL,                -- when it was replaced
	answers TEXT NOT NULL,
	PRIMARY KEY (application, revision)
);

CREATE TABLE attachment (
	id @ID,
	application BIGINT NOT NULL REFERENCES application (id) ON DELETE CASCADE,
	field TEXT NOT NULL,                  -- control name: "attachments.photo"
	blob TEXT NOT NULL,
	name TEXT NOT NULL,
	type TEXT NOT NULL,
	size BIGINT NOT NULL,
	revision BIGINT NOT NULL,             -- of the answers that brought it
	removed BIGINT NOT NULL               -- revision without it; 0: still part of it
);
CREATE INDEX attachment_application ON attachment (application, id);

-- Correction requests (補正).
CREATE TABLE correction (
	id @ID,
	application BIGINT NOT NULL REFERENCES application (id) ON DELETE CASCADE,
	state TEXT NOT NULL CHECK (state IN ('open', 'answered', 'cancelled')),
	message TEXT NOT NULL,
	due TEXT,
	asked_by BIGINT NOT NULL,             -- staff
	asked_us BIGINT NOT NULL,
	answered_us BIGINT NOT NULL,
	from_revision BIGINT NOT NULL,        -- the answers it is about
	to_revision BIGINT NOT NULL           -- the answers it brought; 0: none
);
CREATE INDEX correction_application ON correction (application, id);
CREATE TABLE correction_field (
	correction BIGINT NOT NULL REFERENCES correction (id) ON DELETE CASCADE,
	field TEXT NOT NULL,
	message TEXT NOT NULL,
	PRIMARY KEY (correction, field)
);

-- What applicant and office write to each other, and the office's own notes.
CREATE TABLE message (
	id @ID,
	application BIGINT NOT NULL REFERENCES application (id) ON DELETE CASCADE,
	kind TEXT NOT NULL CHECK (kind IN ('applicant', 'note')),
	actor TEXT NOT NULL,
	author TEXT NOT NULL,                 -- the name at that time
	body TEXT NOT NULL,
	at_us BIGINT NOT NULL
);
CREATE INDEX message_application ON message (application, id);

-- The route of a decision (決裁ルート). A row is one member of one stage of one round; rows are added,
-- and leave the state waiting/open once. Who could act is computed while it is open; who did is frozen.
CREATE TABLE route_step (
	id @ID,
	application BIGINT NOT NULL REFERENCES application (id) ON DELETE CASCADE,
	round BIGINT NOT NULL,                -- 1, 2, ...: a new one with each drafted decision
	pass BIGINT NOT NULL,                 -- grows when a step is sent back to
	stage BIGINT NOT NULL,                -- index of the step in the definition
	member BIGINT NOT NULL,               -- consulted departments of one stage: 0, 1, ...
	step TEXT NOT NULL,                   -- id of the step in the definition
	kind TEXT NOT NULL CHECK (kind IN ('check', 'approve', 'consult', 'decide')),
	parallel BIGINT NOT NULL,             -- members of the stage are asked at once
	department BIGINT NOT NULL,
	post BIGINT NOT NULL,                 -- rank that acts
	delegated BIGINT NOT NULL,            -- 専決
	state TEXT NOT NULL CHECK (state IN ('waiting', 'open', 'approved', 'objected', 'returned',
		'rejected', 'skipped', 'void')),
	skip TEXT CHECK (skip IN ('absent', 'pulled_up', 'drafter', 'vacant')), -- why skipped
	opened_us BIGINT NOT NULL,
	acted_by BIGINT NOT NULL,             -- staff; 0: nobody
	acting_for BIGINT NOT NULL,           -- 代決: the officer in whose place; 0: own right
	acted_us BIGINT NOT NULL,
	department_name TEXT,                 -- names as they were when it was acted on
	acted_name TEXT,
	acting_for_name TEXT,
	comment TEXT,
	review TEXT NOT NULL CHECK (review IN ('none', 'needed', 'done')), -- 後閲
	review_by BIGINT NOT NULL,            -- the officer who reads it afterwards; 0: any holder
	review_name TEXT,
	review_us BIGINT NOT NULL
);
CREATE INDEX route_step_application ON route_step (application, round, stage, id);
-- For whom open steps and later reviews wait: what the inbox shows. Rights are checked anew on acting.
CREATE TABLE route_turn (
	staff BIGINT NOT NULL,
	kind TEXT NOT NULL CHECK (kind IN ('turn', 'review')),
	application BIGINT NOT NULL REFERENCES application (id) ON DELETE CASCADE,
	order_key BIGINT NOT NULL,            -- turn: the application's; review: newest first
	PRIMARY KEY (staff, kind, application)
);
CREATE INDEX route_turn_order ON route_turn (staff, kind, order_key, application);
CREATE INDEX route_turn_application ON route_turn (application);

-- What is to be paid. Payment channels record here.
CREATE TABLE charge (
	id @ID,
	application BIGINT NOT NULL REFERENCES application (id) ON DELETE CASCADE,
	yen BIGINT NOT NULL CHECK (yen > 0),
	state TEXT NOT NULL CHECK (state IN ('open', 'paid', 'waived', 'cancelled')),
	created_us BIGINT NOT NULL,
	paid_us BIGINT NOT NULL,
	method TEXT,                          -- cash, transfer, card, slip ...
	recorded_by TEXT,                     -- actor id
	reason TEXT                           -- of a waiver
);
CREATE INDEX charge_application ON charge (application, id);

-- For whom a proxy applies (代理).
CREATE TABLE mandate (
	application BIGINT PRIMARY KEY REFERENCES application (id) ON DELETE CASCADE,
	principal_name TEXT NOT NULL,
	principal_address TEXT,
	principal_mail TEXT,
	ground TEXT NOT NULL
		CHECK (ground IN ('letter', 'guardian', 'household', 'professional', 'corporate')),
	document TEXT,
	scope TEXT,
	valid_from TEXT,
	valid_until TEXT
);

-- Reminders that went out, so that each goes out once.
CREATE TABLE reminder (
	application BIGINT NOT NULL REFERENCES application (id) ON DELETE CASCADE,
	kind TEXT NOT NULL CHECK (kind IN ('warn', 'overdue', 'correction', 'payment', 'expiry')),
	about TEXT NOT NULL,                  -- the date it reminds of: another date, another reminder
	at_us BIGINT NOT NULL,
	PRIMARY KEY (application, kind, about)
);

-- What jobs did for an application, so that a job that runs twice does it once.
CREATE TABLE effect (
	application BIGINT NOT NULL REFERENCES application (id) ON DELETE CASCADE,
	kind TEXT NOT NULL,                   -- "document/certificate", "notice/submitted/2"
	at_us BIGINT NOT NULL,
	PRIMARY KEY (application, kind)
);

-- Who looked at an application's data, once a day.
CREATE TABLE reading (
	application BIGINT NOT NULL REFERENCES application (id) ON DELETE CASCADE,
	staff BIGINT NOT NULL,
	day BIGINT NOT NULL,                  -- days since 1970-01-01
	PRIMARY KEY (application, staff, day)
);

-- Places of procedures with a capacity.
CREATE TABLE capacity (
	procedure TEXT NOT NULL,
	place_key TEXT NOT NULL,              -- what is limited: the course, the day ...
	taken BIGINT NOT NULL CHECK (taken >= 0),
	PRIMARY KEY (procedure, place_key)
);
CREATE TABLE waiting (
	id @ID,                               -- the order of the list
	procedure TEXT NOT NULL,
	place_key TEXT NOT NULL,
	application BIGINT NOT NULL REFERENCES application (id) ON DELETE CASCADE
);
CREATE INDEX waiting_place ON waiting (procedure, place_key, id);
CREATE UNIQUE INDEX waiting_application ON waiting (application);

-- What the statistics page shows; replaced by the nightly job.
CREATE TABLE application_count (
	procedure TEXT NOT NULL,
	department BIGINT NOT NULL,
	submitted BIGINT NOT NULL,
	open BIGINT NOT NULL,
	overdue BIGINT NOT NULL,
	granted BIGINT NOT NULL,
	refused BIGINT NOT NULL,
	withdrawn BIGINT NOT NULL,
	online BIGINT NOT NULL,
	counter BIGINT NOT NULL,
	days_total BIGINT NOT NULL,           -- from submission to decision, summed
	decided BIGINT NOT NULL,
	as_of_us BIGINT NOT NULL,
	PRIMARY KEY (procedure, department)
);
