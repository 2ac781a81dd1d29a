-- Work to be done after a transaction; see jobs.h.
CREATE TABLE job (
	id         @ID,
	kind       TEXT NOT NULL,        -- "mail.send"
	payload    TEXT NOT NULL,        -- JSON
	key        TEXT,                 -- at most one waiting job has it
	state      TEXT NOT NULL CHECK (state IN ('waiting', 'running', 'dead', 'done')),
	tries      BIGINT NOT NULL DEFAULT 0,
	run_at_us  BIGINT NOT NULL,      -- not before
	created_us BIGINT NOT NULL,
	ended_us   BIGINT,               -- done or dead since
	runner     TEXT,                 -- who runs it: host:pid:number
	lease_us   BIGINT,               -- its runner is taken for dead after this instant
	last_error TEXT
);
CREATE INDEX job_due ON job (run_at_us, id) WHERE state = 'waiting';
CREATE UNIQUE INDEX job_key ON job (key) WHERE state = 'waiting' AND key IS NOT NULL;
CREATE INDEX job_running ON job (runner) WHERE state = 'running';
CREATE INDEX job_dead ON job (id) WHERE state = 'dead';
