-- What some pages are called: their latest visits with a title, of the last :latest numbers. :pages is a JSON array.
-- SQLite takes the title from the row of max().
SELECT uri.page, word.value, max(event.seq)
FROM event JOIN uri ON uri.id = event.uri JOIN word ON word.id = event.title
WHERE event.seq BETWEEN max(:low, :high - :latest + 1) AND :high AND event.time >= :since AND event.time < :until
    AND event.lane = :lane AND event.action = (SELECT id FROM word WHERE value = 'page.visit')
    AND uri.page IN (SELECT value FROM json_each(:pages))
GROUP BY uri.page
