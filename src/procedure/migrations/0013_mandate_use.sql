-- Applications made by a mandate on record: which, and for whom. The table mandate keeps what anybody
-- acting for somebody else says; this what was known of it when it was used.
CREATE TABLE mandate_use (
	application BIGINT PRIMARY KEY REFERENCES application (id) ON DELETE CASCADE,
	record BIGINT NOT NULL REFERENCES mandate_record (id),
	principal BIGINT NOT NULL,         -- person; 0: without account, or an organisation
	corporate_number TEXT NOT NULL,    -- 法人番号; '': a person
	used TEXT NOT NULL                 -- JSON: ground, scope, acts, period and proof at that time
);
CREATE INDEX mandate_use_record ON mandate_use (record);
CREATE INDEX mandate_use_principal ON mandate_use (principal);
CREATE INDEX mandate_use_number ON mandate_use (corporate_number);
