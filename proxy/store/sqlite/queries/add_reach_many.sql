-- Where events of a time are.
INSERT INTO reach (slot, first, last)
SELECT * FROM (VALUES (?, ?, ?)) WHERE column1 <> 0
ON CONFLICT (slot) DO UPDATE SET first = min(first, excluded.first), last = max(last, excluded.last)
