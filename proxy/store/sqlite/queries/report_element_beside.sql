-- What else is known of one element: its clicks, and the views of its page.
SELECT
    count(CASE WHEN action = (SELECT id FROM word WHERE value = :click) AND target = (
        SELECT target.id FROM page JOIN target ON target.page = page.id
        WHERE page.host = :host AND page.path = :path AND target.name = :name
    ) THEN 1 END),
    count(CASE WHEN action = (SELECT id FROM word WHERE value = 'page.visit') AND uri IN (
        SELECT uri.id FROM page JOIN uri ON uri.page = page.id WHERE page.host = :host AND page.path = :path
    ) THEN 1 END)
FROM event
WHERE seq BETWEEN :low AND :high AND time >= :since AND time < :until AND lane = :lane
