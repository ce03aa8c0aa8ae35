-- Version 4: what the report counts by. Everything here follows from the rows of event and session, and is written in
-- the transaction that changes them; `recount` makes it again from nothing.

-- Days of the site's time zone. id: the date, as days since 1970; [start, until) UTC milliseconds. Days do not overlap;
-- one that something was counted on only grows. So an event's day follows from its time, whatever the zone is now.
CREATE TABLE day (
    id    INTEGER PRIMARY KEY,
    start INTEGER NOT NULL,
    until INTEGER NOT NULL
) STRICT;

-- Where events of a time are: those with time / 600000 = slot have a seq from first to last.
CREATE TABLE reach (
    slot  INTEGER PRIMARY KEY,
    first INTEGER NOT NULL,
    last  INTEGER NOT NULL
) STRICT;

-- How often something was, on a day, in a lane. Kinds, and what subject and extra are of each: rollups.py. No row has
-- an n of 0.
CREATE TABLE cell (
    kind    INTEGER NOT NULL,
    lane    INTEGER NOT NULL,
    day     INTEGER NOT NULL,
    subject INTEGER NOT NULL,
    extra   INTEGER NOT NULL,
    n       INTEGER NOT NULL,
    PRIMARY KEY (kind, lane, day, subject, extra)
) STRICT, WITHOUT ROWID;

-- Cells that were counted lately: added at the end of a small table, and now and then to `cell`. A batch counts in some 40
-- places of `cell`, each on a page of the file of its own, and most of them again in the next batch. `counts` is both;
-- there may be several rows of one cell in it.
CREATE TABLE fresh_cell (
    kind    INTEGER NOT NULL,
    lane    INTEGER NOT NULL,
    day     INTEGER NOT NULL,
    subject INTEGER NOT NULL,
    extra   INTEGER NOT NULL,
    n       INTEGER NOT NULL
) STRICT;
CREATE VIEW counts AS
    SELECT kind, lane, day, subject, extra, n FROM cell UNION ALL SELECT kind, lane, day, subject, extra, n FROM fresh_cell;

-- How often a visitor did it on a day. From the days before and after follow the cells of the kinds that count visitors:
-- of a visitor who was there on days 3 and 9 these are one of day 3, extra -1, and one of day 9, extra 3. Visitors of a
-- range are those cells in it whose extra is before it.
CREATE TABLE presence (
    visitor INTEGER NOT NULL,
    kind    INTEGER NOT NULL,
    subject INTEGER NOT NULL,
    lane    INTEGER NOT NULL,
    day     INTEGER NOT NULL,
    n       INTEGER NOT NULL,
    PRIMARY KEY (visitor, kind, subject, lane, day)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER cell_empty AFTER UPDATE OF n ON cell WHEN new.n = 0 BEGIN
    DELETE FROM cell WHERE kind = new.kind AND lane = new.lane AND day = new.day AND subject = new.subject
        AND extra = new.extra; END;
CREATE TRIGGER presence_empty AFTER UPDATE OF n ON presence WHEN new.n = 0 BEGIN
    DELETE FROM presence WHERE visitor = new.visitor AND kind = new.kind AND subject = new.subject AND lane = new.lane
        AND day = new.day; END;

-- lane, entry: lane and uri of its session.start. source: where it came from, a word (rollups.py). view, viewed: seq and
-- time of its last page.visit, by time and seq; uri is that visit's.
ALTER TABLE session ADD COLUMN lane INTEGER NOT NULL DEFAULT 1;
ALTER TABLE session ADD COLUMN entry INTEGER REFERENCES uri (id);
ALTER TABLE session ADD COLUMN source INTEGER REFERENCES word (id);
ALTER TABLE session ADD COLUMN view INTEGER;
ALTER TABLE session ADD COLUMN viewed INTEGER;

-- engaged: of a page.visit, engaged_ms of its page.leave events added up; NULL where there are none.
ALTER TABLE event ADD COLUMN engaged INTEGER;
DROP INDEX event_time;
-- Hovers that were longer than usual, an element's longest first: the evidence.
CREATE INDEX event_unusual ON event (target, amount) WHERE state & 4;
-- Addresses of a page, for its title.
CREATE INDEX uri_page ON uri (page);
