-- Applications by or about a protected person beside those of their account: confirmed by staff, or
-- said to be somebody else's.
CREATE TABLE protected_application (
	application BIGINT NOT NULL REFERENCES application (id) ON DELETE CASCADE,
	block BIGINT NOT NULL REFERENCES block (id),
	state TEXT NOT NULL CHECK (state IN ('confirmed', 'other')),
	staff BIGINT NOT NULL,
	at_us BIGINT NOT NULL,
	PRIMARY KEY (application, block)
);
CREATE INDEX protected_application_block ON protected_application (block, state);

-- 緊急アクセス: somebody without the right opened a record, with a reason, for a short time.
CREATE TABLE emergency_access (
	id @ID,
	application BIGINT NOT NULL REFERENCES application (id) ON DELETE CASCADE,
	staff BIGINT NOT NULL,
	reason TEXT NOT NULL,
	from_us BIGINT NOT NULL,
	until_us BIGINT NOT NULL,
	finding TEXT,                      -- of the review; NULL: not reviewed yet
	justified BIGINT NOT NULL CHECK (justified IN (0, 1)),
	reviewed_by BIGINT NOT NULL,       -- staff; 0: nobody yet
	reviewed_us BIGINT NOT NULL,
	CHECK (reviewed_by <> staff)       -- nobody reviews their own
);
CREATE INDEX emergency_access_staff ON emergency_access (staff, application, until_us);
CREATE INDEX emergency_access_open ON emergency_access (reviewed_us, id);
CREATE INDEX emergency_access_application ON emergency_access (application);
