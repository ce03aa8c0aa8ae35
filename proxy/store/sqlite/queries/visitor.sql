-- A visitor by uuid, with its latest session.
SELECT visitor.id, visitor.proof, visitor.twin_of, session.id, session.start, session.last, session.reason
FROM visitor LEFT JOIN session ON session.id = visitor.session
WHERE visitor.uuid = ?
