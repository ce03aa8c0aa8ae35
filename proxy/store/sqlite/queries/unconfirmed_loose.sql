-- The same, for a visitor without sessions.
SELECT seq FROM event
WHERE visitor = :visitor AND session IS NULL AND lane <> 0
    AND action = :action AND uri = :uri AND state & 1 = 0 AND time > :after
ORDER BY seq DESC LIMIT 1
