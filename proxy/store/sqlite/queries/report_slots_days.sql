-- The same of whole days. :edges is a JSON array of [place, first, last].
SELECT json_extract(slot.value, '$[0]'),
    (
        SELECT sum(n) FROM counts
        WHERE kind = :views AND lane = :lane
            AND day BETWEEN json_extract(slot.value, '$[1]') AND json_extract(slot.value, '$[2]')
    ),
    (
        SELECT sum(n) FROM counts
        WHERE kind = :visitors AND lane = :lane
            AND day BETWEEN json_extract(slot.value, '$[1]') AND json_extract(slot.value, '$[2]')
            AND extra < json_extract(slot.value, '$[1]')
    )
FROM json_each(:edges) AS slot
