-- A visitor's sessions, the latest first.
SELECT id, uuid, start, last, reason, pages, events
FROM session
WHERE visitor = :visitor AND (:before IS NULL OR start < :before)
ORDER BY start DESC, id DESC
LIMIT :limit
