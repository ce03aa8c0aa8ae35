-- The plain visits of a run: new, of a visitor who returned and is nobody's twin, within an open session (the three
-- conditions on its times are `contains` of visitors/sessions.py, for a session that has not ended). :ids and :uuids
-- are 16 bytes a visit; a row of :rows is [time, uri, referrer, amount, facts]. :whole: all of them or none.
INSERT INTO arrival (id, time, action, visitor, session, uri, referrer, amount, facts)
WITH plain AS MATERIALIZED (
    SELECT visit.key AS place, visit.value ->> 0 AS time, visitor.id AS visitor, session.id AS session,
        visit.value ->> 1 AS uri, visit.value ->> 2 AS referrer, visit.value ->> 3 AS amount,
        visit.value ->> 4 AS facts
    FROM json_each(:rows) AS visit
    JOIN visitor ON visitor.uuid = substr(:uuids, visit.key * 16 + 1, 16)
        AND visitor.twin_of IS NULL AND visitor.proof & :proof = :proof
    JOIN session ON session.id = visitor.session AND session.reason = 0
        AND visit.value ->> 0 >= session.start
        AND visit.value ->> 0 < session.last + :timeout
        AND visit.value ->> 0 < session.start + :longest
    WHERE NOT EXISTS (SELECT 1 FROM recent_id WHERE recent_id.id = substr(:ids, visit.key * 16 + 1, 16))
)
SELECT substr(:ids, place * 16 + 1, 16), time, :action, visitor, session, uri, referrer, amount, facts
FROM plain
WHERE NOT :whole OR (SELECT count(*) FROM plain) = json_array_length(:rows)
ORDER BY place
