-- Sessions that meet the filter :filter: a page came with an error in them. :is_from and :is_alone as in only_saw.
INSERT OR IGNORE INTO matched (session, filter)
SELECT coalesce(session, -seq), :filter FROM main.event
WHERE seq BETWEEN :low AND :high AND time >= :since AND time < :until
    AND action = (SELECT id FROM word WHERE value = 'page.visit')
    AND uri IN (
        SELECT uri.id FROM page JOIN uri ON uri.page = page.id WHERE page.host = :host AND page.path = :path
    )
    AND EXISTS (
        SELECT 1 FROM word
        WHERE word.id = event.facts AND json_type(word.value, '$.status') = 'integer'
            AND word.value ->> '$.status' = :status
    )
    AND (CASE WHEN session IS NULL THEN :is_alone ELSE session NOT IN (SELECT session FROM chosen) END)
    AND (NOT :is_from OR session IN (SELECT session FROM came))
