-- Where events of a time are. Slot 0 is the first ten minutes of 1970; a seq is never 0.
INSERT INTO reach (slot, first, last)
SELECT * FROM (VALUES (?, ?, ?)) WHERE column2 <> 0
ON CONFLICT (slot) DO UPDATE SET first = min(first, excluded.first), last = max(last, excluded.last)
WHERE excluded.first < first OR excluded.last > last
