-- The longest hovers over one element that were longer than usual, and what was known before each.
SELECT event.amount, event.usual_ms, event.usual_n, event.time, visitor.uuid, session.uuid
FROM event
JOIN visitor ON visitor.id = event.visitor
LEFT JOIN session ON session.id = event.session
WHERE event.seq BETWEEN :low AND :high AND event.time >= :since AND event.time < :until AND event.lane = :lane
    AND event.action = (SELECT id FROM word WHERE value = :action) AND event.amount IS NOT NULL AND event.state & 4
    AND event.target = (
        SELECT target.id FROM page JOIN target ON target.page = page.id
        WHERE page.host = :host AND page.path = :path AND target.name = :name
    )
ORDER BY event.amount DESC, event.seq
LIMIT :limit
