-- The inventory of procedures (行政手続の棚卸し): entries that have no online definition (yet).
CREATE TABLE inventory (
	id TEXT PRIMARY KEY,
	title_ja TEXT NOT NULL,
	title_en TEXT NOT NULL,
	department TEXT NOT NULL,
	life_events TEXT NOT NULL,   -- keys of data/life-events.csv, separated by semicolons
	law TEXT NOT NULL,
	article TEXT NOT NULL,
	yearly_volume BIGINT NOT NULL,
	attachments TEXT NOT NULL,   -- names, separated by semicolons
	where_ja TEXT NOT NULL,
	where_en TEXT NOT NULL,
	how_ja TEXT NOT NULL,
	how_en TEXT NOT NULL,
	priority TEXT NOT NULL CHECK (priority IN ('', 'A', 'B', 'C')),
	updated_us BIGINT NOT NULL
);
