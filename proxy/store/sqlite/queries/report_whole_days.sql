-- The days that lie in a span as a whole, and from when to when.
SELECT min(id), max(id), min(start), max(until) FROM day WHERE start >= :since AND until <= :until
