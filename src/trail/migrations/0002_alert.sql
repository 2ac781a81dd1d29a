-- What security officers look into: alerts of the rules, and questions of residents.
CREATE TABLE trail_alert (
	id         @ID,
	rule       TEXT NOT NULL,         -- mass-reading, off-hours, colleague, ..., question
	key        TEXT NOT NULL UNIQUE,  -- one for a rule, who, whom and a day
	state      TEXT NOT NULL CHECK (state IN ('open', 'looking', 'closed')),
	finding    TEXT,                  -- justified, mistake, misuse, answered
	reason     TEXT,                  -- of the finding
	staff      BIGINT NOT NULL,       -- whom it is about; 0: nobody
	person     BIGINT NOT NULL,       -- whose data, or who asks; 0: several
	count      BIGINT NOT NULL,
	day        TEXT NOT NULL,         -- of the readings
	text       TEXT,                  -- the question
	assigned   BIGINT NOT NULL,       -- security officer; 0: nobody
	raised_us  BIGINT NOT NULL,
	changed_us BIGINT NOT NULL,
	CHECK ((state = 'closed') = (finding IS NOT NULL))
);
CREATE INDEX trail_alert_state ON trail_alert (state, id);
CREATE INDEX trail_alert_person ON trail_alert (person, rule, id) WHERE person > 0;

CREATE TABLE trail_alert_step (
	id    @ID,
	alert BIGINT NOT NULL REFERENCES trail_alert (id),
	at_us BIGINT NOT NULL,
	actor TEXT NOT NULL,              -- "staff:3", "resident:12", "system"
	what  TEXT NOT NULL,              -- raised, taken, assigned, noted, answered, closed, reopened
	text  TEXT
);
CREATE INDEX trail_alert_step_of ON trail_alert_step (alert, id);
