-- How long one element was hovered over: by bucket of a histogram, and by how many of :edges, a JSON array of ms, are not
-- above it.
SELECT bucket_of(amount), (SELECT count(*) FROM json_each(:edges) WHERE value <= amount), count(*)
FROM event
WHERE seq BETWEEN :low AND :high AND time >= :since AND time < :until AND lane = :lane
    AND action = (SELECT id FROM word WHERE value = :action) AND amount IS NOT NULL
    AND target = (
        SELECT target.id FROM page JOIN target ON target.page = page.id
        WHERE page.host = :host AND page.path = :path AND target.name = :name
    )
GROUP BY 1, 2
ORDER BY 1, 2
