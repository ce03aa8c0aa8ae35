-- The tables of a question about some sessions. `event` stands before the file's table of that name: whatever asks for
-- events is answered from those that were picked. It has the columns that questions of a time ask for; texts of events
-- themselves are read from the file's (main.event).
CREATE TEMP TABLE event (
    seq INTEGER PRIMARY KEY, time INTEGER, action INTEGER, visitor INTEGER, session INTEGER, view INTEGER, lane INTEGER,
    state INTEGER, uri INTEGER, title INTEGER, amount INTEGER, facts INTEGER, target INTEGER, engaged INTEGER,
    usual_ms INTEGER, usual_n INTEGER, back INTEGER
);
CREATE INDEX temp.only_unusual ON event (target, amount) WHERE state & 4;
CREATE INDEX temp.only_loose ON event (visitor) WHERE session IS NULL AND lane <> 0;
-- came: sessions from the sources that are asked for, and between which times they were.
CREATE TEMP TABLE came (session INTEGER PRIMARY KEY, start INTEGER, last INTEGER);
-- matched: which filters a session has met so far; chosen: sessions that have met all; latest: the last of those.
CREATE TEMP TABLE matched (session INTEGER, filter INTEGER, PRIMARY KEY (session, filter)) WITHOUT ROWID;
CREATE TEMP TABLE chosen (session INTEGER PRIMARY KEY);
CREATE TEMP TABLE latest (session INTEGER PRIMARY KEY);
