-- A visitor's session by its id, which begins with the time when it was made (visitors/ids.py): :made. It starts then, or
-- a little earlier where something came late; one that was made elsewhere may start at any time, and is looked for last.
SELECT * FROM (
    SELECT id, uuid, start, last, reason, pages, events
    FROM session
    WHERE visitor = :visitor AND start <= :made AND uuid = :uuid
    ORDER BY start DESC
    LIMIT 1
)
UNION ALL
SELECT * FROM (
    SELECT id, uuid, start, last, reason, pages, events
    FROM session
    WHERE visitor = :visitor AND start > :made AND uuid = :uuid
    LIMIT 1
)
LIMIT 1
