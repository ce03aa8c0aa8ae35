-- The next pages of running sessions. A row is [session, last activity, last uri (null: as before), pages].
UPDATE session SET last = moved.last, uri = coalesce(moved.uri, session.uri), pages = session.pages + moved.n, events = session.events + moved.n
FROM (
    SELECT value ->> 0 AS id, value ->> 1 AS last, value ->> 2 AS uri, value ->> 3 AS n FROM json_each(:sessions)
) AS moved
WHERE session.id = moved.id
