-- Where events of a time are.
INSERT INTO reach (slot, first, last) VALUES (?, ?, ?)
ON CONFLICT (slot) DO UPDATE SET first = min(first, excluded.first), last = max(last, excluded.last)
