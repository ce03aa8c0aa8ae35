-- Events of a visitor: seq, id, whether it is a page.visit whose id is known.
SELECT seq, id, action = :visit AND EXISTS (SELECT 1 FROM recent_id WHERE recent_id.id = event.id)
FROM event WHERE session IN (SELECT id FROM session WHERE visitor = :visitor)
UNION ALL
SELECT seq, id, action = :visit AND EXISTS (SELECT 1 FROM recent_id WHERE recent_id.id = event.id)
FROM event WHERE visitor = :visitor AND session IS NULL AND lane <> 0
