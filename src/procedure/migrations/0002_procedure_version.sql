-- Definitions as they were: an application keeps the one it was begun under.
CREATE TABLE procedure_version (
	procedure TEXT NOT NULL,       -- id of the definition
	version TEXT NOT NULL,         -- first 16 hexadecimal digits of the SHA-256 of source
	source TEXT NOT NULL,          -- the YAML
	first_us BIGINT NOT NULL,      -- when it was loaded for the first time
	PRIMARY KEY (procedure, version)
);
