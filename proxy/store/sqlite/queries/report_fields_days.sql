-- The same of whole days.
WITH summed AS (
    SELECT cell.subject AS target, word.value AS name,
        sum(CASE cell.extra % 4 WHEN :field_changed THEN cell.n ELSE 0 END) AS changed,
        sum(CASE cell.extra % 4 WHEN :field_filled THEN cell.n ELSE 0 END) AS filled,
        sum(CASE cell.extra % 4 WHEN :field_skipped THEN cell.n ELSE 0 END) AS skipped
    FROM json_each(:forms) AS form CROSS JOIN day ON day.id BETWEEN :first AND :last
    CROSS JOIN cell ON cell.kind = :field AND cell.lane = :lane AND cell.day = +day.id AND cell.subject = form.value
    JOIN word ON word.id = cell.extra / 4
    GROUP BY cell.subject, cell.extra / 4
), ranked AS (
    SELECT *, row_number() OVER (PARTITION BY target ORDER BY filled DESC, changed DESC, name) AS place FROM summed
)
SELECT target, name, changed, filled, skipped FROM ranked WHERE place <= :most ORDER BY target, place
