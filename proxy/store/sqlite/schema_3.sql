-- Version 3: where the tag cannot run.

-- Visits of a day (since 1970) whose page went without its tag. The page without host and path stands for those beyond
-- the limits (add_blocked.sql, fold_blocked.sql). last: UTC milliseconds.
CREATE TABLE blocked (
    day    INTEGER NOT NULL,
    page   INTEGER NOT NULL REFERENCES page (id),
    reason INTEGER NOT NULL REFERENCES word (id),
    n      INTEGER NOT NULL,
    last   INTEGER NOT NULL,
    PRIMARY KEY (day, page, reason)
) STRICT, WITHOUT ROWID;
