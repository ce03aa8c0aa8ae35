-- Sessions that meet the filter :filter: something was done on an element in them. :is_from: only of those that came from
-- somewhere.
INSERT OR IGNORE INTO matched (session, filter)
SELECT session, :filter FROM main.event
WHERE seq BETWEEN :low AND :high AND time >= :since AND time < :until
    AND target = (
        SELECT target.id FROM page JOIN target ON target.page = page.id
        WHERE page.host = :host AND page.path = :path AND target.name = :name
    )
    AND action = (SELECT id FROM word WHERE value = :action)
    AND session IS NOT NULL AND session NOT IN (SELECT session FROM chosen)
    AND (NOT :is_from OR session IN (SELECT session FROM came))
