-- Events of some times by their ids, as one JSON array of [id in hexadecimal, seq]; those that are gone are not found. :slots
-- is a JSON array of slots of reach. :ids has 16 bytes for each of :places, a JSON array.
SELECT json_group_array(json_array(hex(event.id), event.seq))
FROM reach CROSS JOIN event ON event.seq BETWEEN reach.first AND reach.last
WHERE reach.slot IN (SELECT value FROM json_each(:slots))
    AND event.id IN (SELECT substr(:ids, place.value * 16 + 1, 16) FROM json_each(:places) AS place)
    AND event.visitor <> 0
