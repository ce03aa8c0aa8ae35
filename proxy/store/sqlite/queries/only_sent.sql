-- Sessions that meet the filter :filter: an event of an action is in them. :is_from and :is_alone as in only_saw.
INSERT OR IGNORE INTO matched (session, filter)
SELECT coalesce(session, -seq), :filter FROM main.event
WHERE seq BETWEEN :low AND :high AND time >= :since AND time < :until
    AND action = (SELECT id FROM word WHERE value = :action)
    AND (CASE WHEN session IS NULL THEN :is_alone ELSE session NOT IN (SELECT session FROM chosen) END)
    AND (NOT :is_from OR session IN (SELECT session FROM came))
