-- The same of whole days, also those of which it is not known yet. :edges is a JSON array of [place, first, last].
WITH slot AS MATERIALIZED (
    SELECT json_extract(value, '$[0]') AS place, json_extract(value, '$[1]') AS first, json_extract(value, '$[2]') AS last
    FROM json_each(:edges)
), part AS (
    SELECT slot.place AS place, cell.extra AS extra, cell.n AS n
    FROM slot CROSS JOIN cell ON cell.kind = :views AND cell.lane = :person AND cell.day BETWEEN slot.first AND slot.last
    UNION ALL
    SELECT slot.place, fresh_cell.extra, fresh_cell.n
    FROM fresh_cell JOIN slot ON fresh_cell.day BETWEEN slot.first AND slot.last
    WHERE fresh_cell.kind = :views AND fresh_cell.lane = :person
)
SELECT place, sum(n), sum(CASE extra WHEN :unconfirmed THEN n ELSE 0 END) FROM part GROUP BY place
