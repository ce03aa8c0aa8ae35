-- The highest row.
SELECT coalesce(max(seq), 0) FROM event
