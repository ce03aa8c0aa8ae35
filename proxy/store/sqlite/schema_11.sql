-- Version 11: a sweep looks at an open session when it may be over, not at all of them.

-- seen: the last activity that the sweeper knew of when it looked last, or less, NULL before it did (sessions.py, `sweep`).
-- Who goes on is looked at once in a time-out, so that an index on it is written as seldom.
ALTER TABLE session ADD COLUMN seen INTEGER;
DROP INDEX session_open;
CREATE INDEX session_open ON session (coalesce(seen, start)) WHERE reason = 0;
