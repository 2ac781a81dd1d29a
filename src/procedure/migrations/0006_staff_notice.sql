-- What a member of staff wishes to be mailed; without a row: see wish_defaults in application_staff.c.
CREATE TABLE staff_notice (
	staff BIGINT PRIMARY KEY,
	submitted BIGINT NOT NULL,            -- 1: each new application of a department one works in
	message BIGINT NOT NULL,              -- 1: a message of the applicant, of what one works on
	corrected BIGINT NOT NULL,            -- 1: a correction was answered, of what one works on
	turn BIGINT NOT NULL,                 -- 1: a decision waits for one
	digest BIGINT NOT NULL                -- 1: each morning, what is open
);
CREATE INDEX staff_notice_digest ON staff_notice (staff) WHERE digest = 1;
