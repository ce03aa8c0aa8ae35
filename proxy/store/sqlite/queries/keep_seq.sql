-- The highest row is not deleted: SQLite would give its number to the next event, and whoever reads by seq is past it.
-- It stays as a session.end, which no feed tells of, of visitor 0, whom no question finds.
UPDATE event SET id = zeroblob(16), action = coalesce((SELECT id FROM word WHERE value = 'session.end'), 0), visitor = 0,
    session = NULL, view = NULL, lane = 0, state = 0, uri = NULL, title = NULL, referrer = NULL, amount = NULL,
    facts = NULL, target = NULL, more = NULL, undefined = NULL, engaged = NULL, usual_ms = NULL, usual_n = NULL, back = NULL
WHERE seq = ?
