-- Why a protection was ended; '': it is in force, or was ended before this was kept.
ALTER TABLE block ADD COLUMN end_reason TEXT NOT NULL DEFAULT '';
