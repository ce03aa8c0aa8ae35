-- Tables that stand before those of the same name: what is counted goes here, and the store is not touched.

-- With the days that are there, to add to.
CREATE TEMP TABLE day (id INTEGER PRIMARY KEY, start INTEGER NOT NULL, until INTEGER NOT NULL) STRICT;
INSERT INTO temp.day (id, start, until) SELECT id, start, until FROM main.day;
CREATE TEMP TABLE reach (slot INTEGER PRIMARY KEY, first INTEGER NOT NULL, last INTEGER NOT NULL) STRICT;
CREATE TEMP TABLE cell (
    kind INTEGER NOT NULL, lane INTEGER NOT NULL, day INTEGER NOT NULL, subject INTEGER NOT NULL, extra INTEGER NOT NULL,
    n INTEGER NOT NULL,
    PRIMARY KEY (kind, lane, day, subject, extra)
) STRICT, WITHOUT ROWID;
-- What is stored of them, in one row each.
CREATE TEMP TABLE stored_cell (
    kind INTEGER NOT NULL, lane INTEGER NOT NULL, day INTEGER NOT NULL, subject INTEGER NOT NULL, extra INTEGER NOT NULL,
    n INTEGER NOT NULL,
    PRIMARY KEY (kind, lane, day, subject, extra)
) STRICT, WITHOUT ROWID;
INSERT INTO temp.stored_cell (kind, lane, day, subject, extra, n)
SELECT kind, lane, day, subject, extra, sum(n) FROM main.counts
GROUP BY kind, lane, day, subject, extra HAVING sum(n) <> 0;
CREATE TEMP TABLE presence (
    visitor INTEGER NOT NULL, kind INTEGER NOT NULL, subject INTEGER NOT NULL, lane INTEGER NOT NULL, day INTEGER NOT NULL,
    n INTEGER NOT NULL,
    PRIMARY KEY (visitor, kind, subject, lane, day)
) STRICT, WITHOUT ROWID;
