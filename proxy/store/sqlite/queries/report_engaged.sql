-- How long page views were in use: a histogram.
SELECT bucket_of(engaged), count(*)
FROM event
WHERE seq BETWEEN :low AND :high AND time >= :since AND time < :until AND lane = :lane
    AND action = (SELECT id FROM word WHERE value = 'page.visit') AND engaged IS NOT NULL AND uri IS NOT NULL
GROUP BY bucket_of(engaged)
ORDER BY bucket_of(engaged)
