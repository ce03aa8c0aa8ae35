-- The same of whole days.
SELECT page.host, page.path, sum(cell.n), count(*) OVER ()
FROM day CROSS JOIN cell ON cell.kind = :next AND cell.lane = :lane AND cell.day = +day.id
    AND cell.subject = (SELECT id FROM page WHERE host = :host AND path = :path)
JOIN page ON page.id = cell.extra
WHERE day.id BETWEEN :first AND :last
GROUP BY cell.extra
ORDER BY sum(cell.n) DESC, page.host, page.path
LIMIT :limit
