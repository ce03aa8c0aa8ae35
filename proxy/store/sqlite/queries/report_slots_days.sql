-- The same of whole days. :edges is a JSON array of [place, first, last].
WITH slot AS MATERIALIZED (
    SELECT json_extract(value, '$[0]') AS place, json_extract(value, '$[1]') AS first, json_extract(value, '$[2]') AS last
    FROM json_each(:edges)
), fresh AS MATERIALIZED (
    SELECT kind, day, extra, n FROM fresh_cell WHERE kind IN (:views, :visitors) AND lane = :lane
)
SELECT slot.place,
    coalesce((
        SELECT sum(n) FROM cell WHERE kind = :views AND lane = :lane AND day BETWEEN slot.first AND slot.last
    ), 0) + coalesce((
        SELECT sum(n) FROM fresh WHERE kind = :views AND day BETWEEN slot.first AND slot.last
    ), 0),
    coalesce((
        SELECT sum(n) FROM cell
        WHERE kind = :visitors AND lane = :lane AND day BETWEEN slot.first AND slot.last AND extra < slot.first
    ), 0) + coalesce((
        SELECT sum(n) FROM fresh WHERE kind = :visitors AND day BETWEEN slot.first AND slot.last AND extra < slot.first
    ), 0)
FROM slot
