-- Visitors that were tied to a customer, with the times of their sessions.
SELECT
    visitor.uuid,
    (SELECT start FROM session WHERE session.visitor = visitor.id ORDER BY start LIMIT 1),
    (SELECT last FROM session WHERE session.visitor = visitor.id ORDER BY start DESC LIMIT 1)
FROM customer JOIN visitor ON visitor.id = customer.visitor
WHERE customer.mark = :mark
LIMIT :limit
