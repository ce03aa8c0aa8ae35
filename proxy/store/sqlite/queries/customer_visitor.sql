-- The first visitor that was tied to a customer, and when that was.
SELECT tied, visitor FROM customer WHERE mark = ? ORDER BY tied, visitor LIMIT 1
