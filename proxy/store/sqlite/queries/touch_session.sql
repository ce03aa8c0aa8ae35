-- Events joined a session: its start may lie earlier; its last activity later, if one of them keeps the session (:last).
UPDATE session SET start = min(start, :first), last = max(last, coalesce(:last, last)),
    events = events + :events, pages = pages + :pages,
    uri = CASE WHEN :last >= last OR uri IS NULL THEN coalesce(:uri, uri) ELSE uri END
WHERE id = :id
RETURNING reason, last
