-- Sessions that meet the filter :filter: an event of an action was in them. :is_from as in only_saw; :is_alone: only these
-- events themselves, each under its own number, below 0.
INSERT OR IGNORE INTO matched (session, filter)
SELECT CASE WHEN :is_alone THEN -seq ELSE session END, :filter FROM main.event
WHERE seq BETWEEN :low AND :high AND time >= :since AND time < :until
    AND action = (SELECT id FROM word WHERE value = :action)
    AND (:is_alone OR session IS NOT NULL AND session NOT IN (SELECT session FROM chosen))
    AND (NOT :is_from OR session IN (SELECT session FROM came))
