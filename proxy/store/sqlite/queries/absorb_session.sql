-- Two sessions became one: the numbers of both.
UPDATE session SET start = min(session.start, gone.start), last = max(session.last, gone.last),
    pages = session.pages + gone.pages, events = session.events + gone.events,
    uri = CASE WHEN gone.last > session.last THEN gone.uri ELSE session.uri END
FROM session AS gone WHERE session.id = ? AND gone.id = ?
