-- Version 2: what people do on a page.

-- An element or a form: what its page calls it. A page whose path is '' stands for "not known which, of this host".
CREATE TABLE target (
    id   INTEGER PRIMARY KEY,
    page INTEGER NOT NULL REFERENCES page (id),
    name TEXT NOT NULL,
    UNIQUE (page, name)
) STRICT;

-- more: the event's own params as JSON. Not in the dictionary: they are one person's, and go when their row goes.
-- undefined: names of params that the definition does not know, as a JSON list. amount is also dwell_ms of hovers and
-- fields, engaged_ms of page.leave; bit 4 of state: a hover that was longer than usual.
ALTER TABLE event ADD COLUMN target INTEGER REFERENCES target (id);
ALTER TABLE event ADD COLUMN more TEXT;
ALTER TABLE event ADD COLUMN undefined INTEGER REFERENCES word (id);
-- By time, for the report: nearly all rows are added at its right edge.
CREATE INDEX event_time ON event (time);

-- How long elements are hovered over: a histogram (events/dwell.py) for each.
CREATE TABLE dwell (
    target INTEGER NOT NULL REFERENCES target (id),
    bucket INTEGER NOT NULL,
    n      INTEGER NOT NULL,
    PRIMARY KEY (target, bucket)
) STRICT, WITHOUT ROWID;

-- The latest refused events, without their values, so that a marketer sees why a tag does not arrive. Texts, not words
-- of the dictionary: they are made up by whoever sends them, and go with their row.
CREATE TABLE rejection (
    id     INTEGER PRIMARY KEY,
    time   INTEGER NOT NULL,
    page   INTEGER REFERENCES page (id),
    action TEXT NOT NULL,
    code   TEXT NOT NULL,
    field  TEXT NOT NULL
) STRICT;
