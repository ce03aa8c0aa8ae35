-- The latest visit of this uri that no browser has confirmed yet.
SELECT seq FROM event
WHERE session = :session AND action = :action AND uri = :uri AND state & 1 = 0 AND time > :after
ORDER BY seq DESC LIMIT 1
