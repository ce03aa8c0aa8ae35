-- What is known of a run of visits, in one step: per visit its place, its visitor's row, proof and latest session, for
-- those that are new and whose visitor is known and nobody's twin. :ids and :uuids are 16 bytes a visit, :rows a JSON
-- array with an element a visit. The answer is one JSON array.
SELECT json_group_array(json_array(
    visit.key, visitor.id, visitor.proof, session.id, session.start, session.last, session.reason
))
FROM json_each(:rows) AS visit
JOIN visitor ON visitor.uuid = substr(:uuids, visit.key * 16 + 1, 16) AND visitor.twin_of IS NULL
JOIN session ON session.id = visitor.session
WHERE NOT EXISTS (SELECT 1 FROM recent_id WHERE recent_id.id = substr(:ids, visit.key * 16 + 1, 16))
