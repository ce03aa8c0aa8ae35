-- A visitor's sessions that an event could belong to, or that it would end.
SELECT id, start, last, reason FROM session
WHERE visitor = :visitor AND start < :before AND (start > :after OR reason = 0)
