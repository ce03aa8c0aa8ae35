-- The same of whole days. Lanes: events/event.py.
SELECT lane,
    sum(CASE WHEN kind = :visitors AND extra < :first THEN n ELSE 0 END),
    sum(CASE kind WHEN :sessions THEN n ELSE 0 END),
    sum(CASE kind WHEN :views THEN n ELSE 0 END),
    sum(CASE kind WHEN :bounces THEN n ELSE 0 END)
FROM counts
WHERE kind IN (:visitors, :sessions, :views, :bounces) AND lane IN (0, 1, 2) AND day BETWEEN :first AND :last
GROUP BY lane
