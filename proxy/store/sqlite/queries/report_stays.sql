-- A visitor's sessions, the latest first. :time NULL begins with the latest.
SELECT id, uuid, start, last, reason, pages, events
FROM session
WHERE visitor = :visitor AND (:time IS NULL OR (start, id) < (:time, :key))
ORDER BY start DESC, id DESC
LIMIT :limit
