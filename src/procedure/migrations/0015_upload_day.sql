-- What residents' accounts brought in files today, whatever became of it; earlier days are forgotten.
CREATE TABLE upload_day (
	account BIGINT NOT NULL,
	day     TEXT NOT NULL,
	bytes   BIGINT NOT NULL,
	PRIMARY KEY (day, account)
);
