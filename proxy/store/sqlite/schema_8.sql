-- Version 8: what is counted beside: visitors of whom a browser keeps no cookie, pages that nobody confirmed, and when
-- pages were not held. The first two are in the tables of version 4 (rollups.py), and follow from a recount; so do visitors
-- of apps, who see no page, and are counted as well.

-- proof has bit 16 where somebody vouches for a visitor who has no cookie: an import, or a server that names the customer.
-- Of those that there are already, customers are known.
UPDATE visitor SET proof = proof | 16 WHERE proof & 8 AND proof & 3 = 1;

-- Visitors of whom a browser keeps no cookie (visitors/lanes.py, is_cookieless).
CREATE VIEW cookieless AS SELECT id FROM visitor WHERE proof & 19 = 1;

-- tied: the number of the latest event when a visitor was tied to the customer, so that the first one stays the first. Of
-- those that there are already it is the one that came first itself.
ALTER TABLE customer ADD COLUMN tied INTEGER NOT NULL DEFAULT 0;
CREATE INDEX customer_tied ON customer (mark, tied, visitor);

-- Days (since 1970, in UTC) on which pages were not held for their commit: how often that began, when it was so at first and
-- at last, and when it was over for the last time, 0 where it was not. UTC milliseconds.
CREATE TABLE unheld (
    day   INTEGER PRIMARY KEY,
    times INTEGER NOT NULL,
    first INTEGER NOT NULL,
    last  INTEGER NOT NULL,
    over  INTEGER NOT NULL
) STRICT;
