-- The highest seq so far.
SELECT coalesce(max(seq), 0) FROM event
