-- The :look-th event after a place.
SELECT seq FROM event WHERE seq > :place AND seq <= :until ORDER BY seq LIMIT 1 OFFSET :look - 1
