-- Pages that were seen without their tag on some days, the most often seen first; with the visits of all of them, also
-- of those that are not among the rows.
SELECT page.host, page.path, word.value, sum(blocked.n), max(blocked.last), sum(sum(blocked.n)) OVER (), count(*) OVER ()
FROM blocked JOIN page ON page.id = blocked.page JOIN word ON word.id = blocked.reason
WHERE blocked.day BETWEEN :first AND :last
GROUP BY blocked.page, blocked.reason
ORDER BY sum(blocked.n) DESC, page.host, page.path, word.value
LIMIT :limit
