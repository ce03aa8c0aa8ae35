-- The first visitor that was tied to a customer.
SELECT visitor FROM customer WHERE mark = ? ORDER BY visitor LIMIT 1
