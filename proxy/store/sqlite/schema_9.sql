-- Version 9: what went wrong, and what people came with, so that either is counted (rollups.py) and found.

-- device: what its session.start calls the source of its events (WEB_DESKTOP, WEB_MOBILE, MOBILE_APP, ...). trouble: of its
-- last page.visit, as rollups.py has it, trouble_of; NULL where that came well, and in good time.
ALTER TABLE session ADD COLUMN device INTEGER REFERENCES word (id);
ALTER TABLE session ADD COLUMN trouble INTEGER;
