-- Events of a visitor that is no crawler: seq, id, whether it is a page.visit whose id is known.
WITH RECURSIVE told (seq, back) AS (
    SELECT event.seq, event.back
    FROM session CROSS JOIN event ON event.seq = session.top WHERE session.visitor = :visitor
    UNION ALL
    SELECT event.seq, event.back
    FROM told CROSS JOIN event ON event.seq = told.seq - told.back
),
every (seq) AS (
    SELECT seq FROM told
    UNION ALL
    SELECT seq FROM event WHERE visitor = :visitor AND session IS NULL AND lane <> 0
)
SELECT event.seq, id, action = :visit AND EXISTS (SELECT 1 FROM recent_id WHERE recent_id.id = event.id)
FROM every CROSS JOIN event ON event.seq = every.seq
ORDER BY event.seq
