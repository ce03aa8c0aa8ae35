-- Events of a visitor, but for a crawler's: seq, id, whether it is a page.visit whose id is known.
WITH RECURSIVE told (seq, back) AS (
    SELECT event.seq, event.back
    FROM session CROSS JOIN event ON event.seq = session.top WHERE session.visitor = :visitor
    UNION ALL
    SELECT event.seq, event.back
    FROM told CROSS JOIN event ON event.seq = told.seq - told.back
)
SELECT seq, id, action = :visit AND EXISTS (SELECT 1 FROM recent_id WHERE recent_id.id = event.id)
FROM event WHERE seq IN (SELECT seq FROM told)
UNION ALL
SELECT seq, id, action = :visit AND EXISTS (SELECT 1 FROM recent_id WHERE recent_id.id = event.id)
FROM event WHERE visitor = :visitor AND session IS NULL AND lane <> 0
