-- What a recount works with, in memory or a file of its own.

-- Ten minutes of the store: where their events are (as in reach), their first and last time, and the day of either. The
-- first day is over at `until`: whatever happened then is of the `later` one, since no day is as short.
CREATE TEMP TABLE moment (
    slot  INTEGER PRIMARY KEY,
    first INTEGER,
    last  INTEGER,
    low   INTEGER NOT NULL,
    high  INTEGER NOT NULL,
    day   INTEGER,
    until INTEGER,
    later INTEGER
) STRICT;
-- Events that count, with their day. Visitor 0 is nobody (keep_seq.sql).
CREATE TEMP VIEW counted AS
SELECT event.*, CASE WHEN event.time < moment.until THEN moment.day ELSE moment.later END AS day
FROM main.event JOIN temp.moment ON moment.slot = event.time / 600000
WHERE event.visitor <> 0;
-- What is done with elements: word of the action, kind, place of its context in events/labels.py, CONTEXTS.
CREATE TEMP TABLE act (word INTEGER PRIMARY KEY, kind INTEGER NOT NULL, context INTEGER NOT NULL) STRICT;
-- Texts that are counted by, and their word; below 0 where the store has no such word.
CREATE TEMP TABLE text (value TEXT PRIMARY KEY, word INTEGER) STRICT;
-- What was done with the fields of forms.
CREATE TEMP TABLE field (lane INTEGER, day INTEGER, target INTEGER, name TEXT, what INTEGER, n INTEGER) STRICT;
-- How long page views were in use.
CREATE TEMP TABLE used (seq INTEGER PRIMARY KEY, ms INTEGER NOT NULL) STRICT;
-- The page views of sessions; before: the page of the one before. place: from the last one. trouble: as of a session.
CREATE TEMP TABLE visit (
    session INTEGER NOT NULL,
    place   INTEGER NOT NULL,
    seq     INTEGER NOT NULL,
    time    INTEGER NOT NULL,
    uri     INTEGER,
    page    INTEGER,
    before  INTEGER,
    trouble INTEGER,
    PRIMARY KEY (session, place)
) STRICT, WITHOUT ROWID;
-- What is counted of a session: the columns of version 4, how many page views and events it has, and its day.
CREATE TEMP TABLE stay (
    id     INTEGER PRIMARY KEY,
    day    INTEGER NOT NULL,
    lane   INTEGER NOT NULL,
    entry  INTEGER,
    source TEXT,
    device TEXT,
    view   INTEGER,
    viewed INTEGER,
    uri    INTEGER,
    trouble INTEGER,
    pages  INTEGER NOT NULL,
    events INTEGER NOT NULL,
    top    INTEGER
) STRICT;
