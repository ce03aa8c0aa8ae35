-- Of the next :look events those that are kept no longer, at most :most of them, as one JSON array of [seq, session that
-- goes as a whole, how many events it counts]. :own is a JSON object of actions and the time before which theirs go, null
-- for never; :limit that of all others. A session goes when all of it is older than that; until then it loses only what
-- has a time of its own.
SELECT json_group_array(json_array(seq, CASE WHEN is_over THEN session END, events))
FROM (
    SELECT seq, session, events, is_over
    FROM (
        SELECT event.seq, event.time, event.visitor, event.session, session.events,
            session.last < :limit AND NOT EXISTS (
                WITH RECURSIVE told (seq) AS (
                    SELECT session.top
                    UNION ALL
                    SELECT other.seq - other.back FROM told CROSS JOIN event AS other ON other.seq = told.seq
                    WHERE other.back IS NOT NULL
                )
                SELECT 1 FROM told CROSS JOIN event AS other ON other.seq = told.seq WHERE other.time >= :limit
            ) AS is_over,
            event.action IN (:session_start, :session_end) AS is_mark,
            own.key IS NOT NULL AS has_own,
            CASE WHEN own.key IS NULL THEN :limit ELSE own.value END AS until
        FROM event
        LEFT JOIN json_each(:own) AS own ON own.key = CAST(event.action AS TEXT)
        LEFT JOIN session ON session.id = event.session
        WHERE event.seq > :place AND event.seq <= :until
        ORDER BY event.seq
        LIMIT :look
    )
    WHERE visitor = 0
        OR is_over
        OR (session IS NULL AND time < until)
        OR (has_own AND NOT is_mark AND time < until)
    LIMIT :most
)
