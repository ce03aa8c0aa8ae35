-- Visitors of whom nothing is left. A crawler has no sessions, and its page views are no loose events, but it was there.
DELETE FROM visitor WHERE id IN (
    SELECT column1 FROM (VALUES (?))
    WHERE NOT EXISTS (SELECT 1 FROM session WHERE visitor = column1)
        AND NOT EXISTS (SELECT 1 FROM event WHERE visitor = column1 AND session IS NULL AND lane <> 0)
        AND NOT EXISTS (SELECT 1 FROM presence WHERE visitor = column1)
)
