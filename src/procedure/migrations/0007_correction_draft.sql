-- An answer to a correction request that is begun and not sent: the applicant's alone. Gone when the
-- request ends.
CREATE TABLE correction_draft (
	application BIGINT PRIMARY KEY REFERENCES application (id) ON DELETE CASCADE,
	answers TEXT NOT NULL,                -- all of them, as they would be; 個人番号 sealed
	saved_us BIGINT NOT NULL
);
