-- The same of whole days.
SELECT subject, extra, sum(n)
FROM (
    SELECT cell.subject AS subject, cell.extra AS extra, cell.n AS n
    FROM json_each(:pages) AS page CROSS JOIN day ON day.id BETWEEN :first AND :last
    CROSS JOIN cell ON cell.kind = :slow AND cell.lane = :lane AND cell.day = +day.id AND cell.subject = page.value
    UNION ALL
    SELECT subject, extra, n FROM fresh_cell
    WHERE kind = :slow AND lane = :lane AND day BETWEEN :first AND :last
        AND subject IN (SELECT value FROM json_each(:pages))
)
GROUP BY subject, extra
HAVING sum(n) <> 0
ORDER BY subject, extra
