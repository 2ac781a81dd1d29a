-- The outbox. Instants are microseconds since 1970 UTC.

CREATE TABLE notice (
	id           @ID,
	recipient    TEXT NOT NULL,             -- mail address
	lang         TEXT NOT NULL,
	kind         TEXT NOT NULL,             -- template: "receipt", "identity/confirm"
	about        TEXT NOT NULL,             -- "application:12"
	view         TEXT,                      -- JSON the template is filled from; NULL: erased
	title        TEXT,                      -- the mail's subject as it was sent; NULL: not tried yet
	message_id   TEXT NOT NULL,             -- the same for every try, without <>
	state        TEXT NOT NULL CHECK (state IN ('queued', 'held', 'failed', 'sent', 'dead', 'discarded')),
	tries        BIGINT NOT NULL DEFAULT 0,
	error        TEXT,                      -- of the last try, for the operator
	created_us   BIGINT NOT NULL,
	tried_us     BIGINT,
	sent_us      BIGINT
);
CREATE INDEX notice_state ON notice (state, id);
CREATE INDEX notice_about ON notice (about, id);
CREATE INDEX notice_created ON notice (created_us);
