-- What was looked at when a person was proven, and that it holds no more.
ALTER TABLE identity_proof ADD COLUMN data TEXT NOT NULL DEFAULT '';         -- JSON of the method: {documents, date, officer}; '': nothing
ALTER TABLE identity_proof ADD COLUMN ended_us BIGINT NOT NULL DEFAULT 0;    -- since when it holds no more: a proven item was changed; 0: it holds until its last day
