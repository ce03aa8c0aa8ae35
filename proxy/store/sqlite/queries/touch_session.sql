-- An event joined a session: its start may lie earlier; its last activity later, if the event :keeps the session.
UPDATE session SET start = min(start, :time), last = CASE WHEN :keeps THEN max(last, :time) ELSE last END,
    events = events + 1, pages = pages + :pages,
    uri = CASE WHEN :time >= last OR uri IS NULL THEN coalesce(:uri, uri) ELSE uri END
WHERE id = :id
RETURNING reason, last
