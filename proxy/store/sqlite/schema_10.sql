-- Version 10: what must not be added up twice is told by number.

-- id: a writing thread of a process that records, made up at its start. number: of the last thing from it that was added
-- up, day: when (since 1970, in UTC). Sent again, as where an answer was lost, it has the same number.
CREATE TABLE sender (
    id     BLOB PRIMARY KEY,
    number INTEGER NOT NULL,
    day    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
