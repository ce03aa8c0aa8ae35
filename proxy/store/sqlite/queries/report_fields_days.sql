-- The same of whole days.
WITH used AS (
    SELECT cell.subject AS target, cell.extra AS extra, cell.n AS n
    FROM json_each(:forms) AS form CROSS JOIN day ON day.id BETWEEN :first AND :last
    CROSS JOIN cell ON cell.kind = :field AND cell.lane = :lane AND cell.day = +day.id AND cell.subject = form.value
    UNION ALL
    SELECT subject, extra, n FROM fresh_cell
    WHERE kind = :field AND lane = :lane AND day BETWEEN :first AND :last
        AND subject IN (SELECT value FROM json_each(:forms))
), summed AS (
    SELECT used.target AS target, word.value AS name,
        sum(CASE used.extra % 4 WHEN :field_changed THEN used.n ELSE 0 END) AS changed,
        sum(CASE used.extra % 4 WHEN :field_filled THEN used.n ELSE 0 END) AS filled,
        sum(CASE used.extra % 4 WHEN :field_skipped THEN used.n ELSE 0 END) AS skipped
    FROM used JOIN word ON word.id = used.extra / 4
    GROUP BY used.target, used.extra / 4
    HAVING changed <> 0 OR filled <> 0 OR skipped <> 0
), ranked AS (
    SELECT *, row_number() OVER (PARTITION BY target ORDER BY filled DESC, changed DESC, name) AS place FROM summed
)
SELECT target, name, changed, filled, skipped FROM ranked WHERE place <= :most ORDER BY target, place
