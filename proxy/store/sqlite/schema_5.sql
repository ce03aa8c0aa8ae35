-- Version 5: housekeeping, and the events of a session in their order.

-- Clearing away goes through a table in small steps; where it is. begun: UTC milliseconds. place: what the next step comes
-- after, NULL where all has been gone through. until: how far it matters. The row `step` only says when the last one was.
CREATE TABLE walk (
    name  TEXT PRIMARY KEY,
    begun INTEGER NOT NULL,
    place ANY,
    until INTEGER
) STRICT, WITHOUT ROWID;

-- What a store knows of itself. `name`: random, so that no other store is taken for it.
CREATE TABLE note (
    name  TEXT PRIMARY KEY,
    value ANY
) STRICT, WITHOUT ROWID;
INSERT INTO note (name, value) VALUES ('name', randomblob(16));

-- Texts (kinds of leftovers.py) that something gone has named, and maybe nothing names any more. ready: those that the
-- walk through everything that names texts has been looking for from its beginning.
CREATE TABLE suspect (
    kind  INTEGER NOT NULL,
    id    INTEGER NOT NULL,
    ready INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (kind, id)
) STRICT, WITHOUT ROWID;

-- Erased visitors, and ids of their pages that may still be open somewhere, as keyed hashes (visitors/erased.py).
-- time: UTC milliseconds.
CREATE TABLE erased (
    mark       BLOB PRIMARY KEY,
    time       INTEGER NOT NULL,
    is_visitor INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Visitors who are being erased: they have no name any more, and their rows go.
CREATE TABLE erasing (visitor INTEGER PRIMARY KEY) STRICT;

-- The events of a session by time: so the pages before and after one that comes late are found without reading a session
-- of thousands. One index and no second one: every event of a batch is of another session, on another page of the file.
DROP INDEX event_session;
CREATE INDEX event_session ON event (session, time) WHERE session IS NOT NULL;
