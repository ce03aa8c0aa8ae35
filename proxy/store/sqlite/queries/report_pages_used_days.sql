-- The same of whole days.
SELECT cell.subject, cell.extra, sum(cell.n)
FROM json_each(:pages) AS page CROSS JOIN day ON day.id BETWEEN :first AND :last
CROSS JOIN cell ON cell.kind = :engaged AND cell.lane = :lane AND cell.day = +day.id AND cell.subject = page.value
GROUP BY cell.subject, cell.extra
ORDER BY cell.subject, cell.extra
