-- What is known of how long a page view of a visitor was in use: page.leave events, as one JSON array of [seq, ms].
SELECT json_group_array(json_array(seq, amount))
FROM event
WHERE view = :view AND action = :action AND amount IS NOT NULL AND (
    session IN (SELECT id FROM session WHERE visitor = :visitor)
    OR (session IS NULL AND lane <> 0 AND visitor = :visitor)
)
