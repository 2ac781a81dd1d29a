-- Why a role was granted.
ALTER TABLE role_grant ADD COLUMN reason TEXT NOT NULL DEFAULT ''; -- '': not said
CREATE INDEX role_grant_until ON role_grant (until_date, id);
