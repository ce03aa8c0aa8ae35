-- Times of which nothing is left.
DELETE FROM reach
WHERE first < coalesce((SELECT min(seq) FROM event), 0)
    AND NOT EXISTS (SELECT 1 FROM event WHERE seq BETWEEN first AND last AND time / :reach_ms = slot)
