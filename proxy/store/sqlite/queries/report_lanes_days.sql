-- The same of whole days. Lanes: events/event.py; :beside are visitors of :person.
SELECT CASE lane WHEN :beside THEN :person ELSE lane END,
    sum(CASE WHEN kind = :visitors AND extra < :first AND lane <> :beside THEN n ELSE 0 END),
    sum(CASE kind WHEN :sessions THEN n ELSE 0 END),
    sum(CASE kind WHEN :views THEN n ELSE 0 END),
    sum(CASE kind WHEN :bounces THEN n ELSE 0 END),
    sum(CASE WHEN kind = :visitors AND extra < :first AND lane = :beside THEN n ELSE 0 END)
FROM counts
WHERE kind IN (:visitors, :sessions, :views, :bounces) AND lane IN (0, 1, 2, 3) AND day BETWEEN :first AND :last
GROUP BY 1
