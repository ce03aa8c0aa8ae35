-- Version 1. Times are UTC milliseconds; ids are 16 bytes; small numbers that repeat stand for dictionary rows.

-- What is counted by: one row a host and path.
CREATE TABLE page (
    id   INTEGER PRIMARY KEY,
    host TEXT NOT NULL,
    path TEXT NOT NULL,
    UNIQUE (host, path)
) STRICT;

-- Cleaned absolute URIs. title: the last one a browser reported (what a 304 is shown under).
CREATE TABLE uri (
    id    INTEGER PRIMARY KEY,
    page  INTEGER NOT NULL REFERENCES page (id),
    value TEXT NOT NULL UNIQUE,
    title INTEGER REFERENCES word (id)
) STRICT;

-- Every other text that repeats: actions, titles, referrers, sets of params as JSON, hosts, outcomes.
CREATE TABLE word (
    id    INTEGER PRIMARY KEY,
    value TEXT NOT NULL UNIQUE
) STRICT;

-- proof: bits of visitors/lanes.py, and of rows.py. session: the latest one. twin_of: the visitor that this one turned out to be.
CREATE TABLE visitor (
    id      INTEGER PRIMARY KEY,
    uuid    BLOB NOT NULL UNIQUE,
    proof   INTEGER NOT NULL DEFAULT 0,
    session INTEGER,
    twin_of INTEGER REFERENCES visitor (id)
) STRICT;
CREATE INDEX visitor_twin ON visitor (twin_of) WHERE twin_of IS NOT NULL;

-- reason: 0 while open (visitors/sessions.py). uri: the last page. A session.end reads its numbers from here.
CREATE TABLE session (
    id      INTEGER PRIMARY KEY,
    uuid    BLOB NOT NULL,
    visitor INTEGER NOT NULL REFERENCES visitor (id),
    start   INTEGER NOT NULL,
    last    INTEGER NOT NULL,
    reason  INTEGER NOT NULL DEFAULT 0,
    pages   INTEGER NOT NULL DEFAULT 0,
    events  INTEGER NOT NULL DEFAULT 0,
    uri     INTEGER REFERENCES uri (id)
) STRICT;
CREATE INDEX session_visitor ON session (visitor, start);
-- By start, not by last activity: that moves with every event, and an index on it would be rewritten as often.
CREATE INDEX session_open ON session (start) WHERE reason = 0;

-- seq: never given twice; visitor 0 is nobody, whose row keeps the number of an event that is gone (keep_seq.sql);
-- the references are for readers, and not enforced.
-- wait: received - time. view: seq of the page.visit it belongs to. lane: index into events/event.py LANES.
-- state: bits of visits.py and ledger.py: 1 confirmed by a browser, 2 healed. amount: upstream_ms of a page.visit. facts: params as JSON.
CREATE TABLE event (
    seq      INTEGER PRIMARY KEY,
    id       BLOB NOT NULL,
    time     INTEGER NOT NULL,
    wait     INTEGER NOT NULL,
    action   INTEGER NOT NULL REFERENCES word (id),
    visitor  INTEGER NOT NULL REFERENCES visitor (id),
    session  INTEGER REFERENCES session (id),
    view     INTEGER,
    lane     INTEGER NOT NULL,
    state    INTEGER NOT NULL DEFAULT 0,
    uri      INTEGER REFERENCES uri (id),
    title    INTEGER REFERENCES word (id),
    referrer INTEGER REFERENCES word (id),
    amount   INTEGER,
    facts    INTEGER REFERENCES word (id)
) STRICT;
CREATE INDEX event_session ON event (session) WHERE session IS NOT NULL;
-- Events outside any session, but for those of crawlers, so that a visitor's rows can all be found.
CREATE INDEX event_loose ON event (visitor) WHERE session IS NULL AND lane <> 0;

-- Every id that came in lately, so that a repeat is recognised: events and confirmations.
CREATE TABLE recent_id (
    id  BLOB PRIMARY KEY,
    seq INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Requests by what became of them (VISITS.md section 1) and pages released before their commit.
CREATE TABLE outcome (
    day  INTEGER NOT NULL,
    host INTEGER NOT NULL REFERENCES word (id),
    name INTEGER NOT NULL REFERENCES word (id),
    n    INTEGER NOT NULL,
    PRIMARY KEY (day, host, name)
) STRICT, WITHOUT ROWID;
