-- How far the store is.
SELECT coalesce(max(seq), 0) FROM event
