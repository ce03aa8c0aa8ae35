-- Visitors by uuids from one to another, with the times of their sessions; a twin leads to the visitor that it turned
-- out to be.
SELECT
    other.uuid,
    (SELECT start FROM session WHERE session.visitor = other.id ORDER BY start LIMIT 1),
    (SELECT last FROM session WHERE session.visitor = other.id ORDER BY start DESC LIMIT 1)
FROM visitor JOIN visitor AS other ON other.id = coalesce(visitor.twin_of, visitor.id)
WHERE visitor.uuid BETWEEN :first AND :last
GROUP BY other.id
ORDER BY min(visitor.uuid)
LIMIT :limit
