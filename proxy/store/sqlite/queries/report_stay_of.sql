-- A visitor's session by its id.
SELECT id, uuid, start, last, reason, pages, events
FROM session
WHERE visitor = :visitor AND uuid = :uuid
