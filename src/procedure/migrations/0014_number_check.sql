-- 番号確認 and 身元確認 (番号法 第16条): by which documents the number and the person were checked.
CREATE TABLE number_check (
	id @ID,
	application BIGINT NOT NULL REFERENCES application (id) ON DELETE CASCADE,
	number_by TEXT NOT NULL CHECK (number_by IN ('card', 'record', 'notice', 'register')),
	person_by TEXT NOT NULL CHECK (person_by IN ('card', 'photo', 'two', 'certificate', 'known', 'proxy')),
	note TEXT,
	staff BIGINT NOT NULL,                -- who checked
	at_us BIGINT NOT NULL
);
CREATE INDEX number_check_application ON number_check (application, id);

-- What a disposal record says of 個人番号 that went with the file.
ALTER TABLE disposal_item ADD COLUMN numbers BIGINT NOT NULL DEFAULT 0;
