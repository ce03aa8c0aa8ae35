-- Sessions that meet the filter :filter: they began. :is_from as in only_saw.
INSERT OR IGNORE INTO matched (session, filter)
SELECT session, :filter FROM main.event
WHERE seq BETWEEN :low AND :high AND time >= :since AND time < :until
    AND action = (SELECT id FROM word WHERE value = 'session.start')
    AND session IS NOT NULL AND session NOT IN (SELECT session FROM chosen)
    AND (NOT :is_from OR session IN (SELECT session FROM came))
