-- The same of whole days.
SELECT coalesce(sum(n), 0) FROM counts
WHERE kind = :visitors AND lane = :lane AND day BETWEEN :first AND :last AND extra < :first
