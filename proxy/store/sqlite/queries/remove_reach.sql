-- Times of which nothing is left.
DELETE FROM reach WHERE last < coalesce((SELECT min(seq) FROM event), 0)
