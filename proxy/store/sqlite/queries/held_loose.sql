-- The same of its events outside any session, of which at most :most are looked at: their number, when the first was,
-- page views.
SELECT count(*), min(time), coalesce(sum(action = (SELECT id FROM word WHERE value = 'page.visit')), 0)
FROM (SELECT time, action FROM event WHERE visitor = :visitor AND session IS NULL AND lane <> 0 LIMIT :most)
