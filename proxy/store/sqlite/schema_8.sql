-- Version 8: what is counted beside: visitors of whom a browser keeps no cookie, pages that nobody confirmed, and when
-- pages were not held. The first two are in the tables of version 4 (rollups.py), and follow from a recount.

-- proof has bit 16 where somebody vouches for a visitor who has no cookie: an import, or a server that names the customer.
-- Of those that there are already, customers are known.
UPDATE visitor SET proof = proof | 16 WHERE proof & 8 AND proof & 3 = 1;

-- Visitors of whom a browser keeps no cookie (visitors/lanes.py, is_cookieless).
CREATE VIEW cookieless AS SELECT id FROM visitor WHERE proof & 19 = 1;
