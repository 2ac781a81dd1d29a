-- Jobs that are done are forgotten after a while: found without reading those that wait.
CREATE INDEX job_done ON job (ended_us) WHERE state = 'done';
