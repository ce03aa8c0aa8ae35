-- The page views of sessions, by time and seq.
INSERT INTO visit (session, place, seq, time, uri, page, before)
SELECT event.session,
    row_number() OVER (PARTITION BY event.session ORDER BY event.time DESC, event.seq DESC),
    event.seq, event.time, event.uri, uri.page,
    lead(uri.page) OVER (PARTITION BY event.session ORDER BY event.time DESC, event.seq DESC)
FROM event LEFT JOIN uri ON uri.id = event.uri
WHERE event.session IS NOT NULL AND event.action = (SELECT id FROM word WHERE value = 'page.visit')
