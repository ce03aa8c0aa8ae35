-- The same of whole days.
SELECT cell.subject, cell.extra, sum(cell.n)
FROM json_each(:elements) AS element CROSS JOIN day ON day.id BETWEEN :first AND :last
CROSS JOIN cell ON cell.kind = :hover AND cell.lane = :lane AND cell.day = +day.id AND cell.subject = element.value
GROUP BY cell.subject, cell.extra
ORDER BY cell.subject, cell.extra
