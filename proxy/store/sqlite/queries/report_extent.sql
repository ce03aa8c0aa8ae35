-- The days that a span touches, and whether it has all of each of them; no days are 1 to 0, whole.
SELECT coalesce(min(id), 1), coalesce(max(id), 0), coalesce(min(start >= :since AND until <= :until), 1)
FROM day WHERE start < :until AND until > :since
