-- By when an alert is to be looked into, and the list of an officer's own.
ALTER TABLE trail_alert ADD COLUMN due TEXT; -- NULL: no day was set
CREATE INDEX trail_alert_assigned ON trail_alert (assigned, id) WHERE assigned > 0;
