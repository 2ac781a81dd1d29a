-- How a session was opened: 当人認証保証レベル (DS-511).
ALTER TABLE web_session ADD COLUMN method TEXT NOT NULL DEFAULT 'password'; -- of the newest sign-in or step-up
ALTER TABLE web_session ADD COLUMN level BIGINT NOT NULL DEFAULT 1 CHECK (level BETWEEN 1 AND 3);
ALTER TABLE web_session ADD COLUMN level_until_us BIGINT NOT NULL DEFAULT 0; -- from then on it is level 1
