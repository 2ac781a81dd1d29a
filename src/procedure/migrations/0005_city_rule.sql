-- What the city's settings say to the life of applications, as read at the last start:
-- closed-day (2026-08-14, or 08-14 for every year), fallback-department (a name).
CREATE TABLE city_rule (
	kind TEXT NOT NULL,
	value TEXT NOT NULL,
	PRIMARY KEY (kind, value)
);
