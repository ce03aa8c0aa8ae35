-- The plain visits of a run: new, of a visitor who returned and is nobody's twin, within an open session (the last
-- three conditions are `contains` of visitors/sessions.py, for a session that has not ended). :ids and :uuids are 16
-- bytes a visit; a row of :rows is [time, uri, referrer, amount, facts].
INSERT INTO arrival (id, time, action, visitor, session, uri, referrer, amount, facts)
SELECT substr(:ids, visit.key * 16 + 1, 16), visit.value ->> 0, :action, visitor.id, session.id,
    visit.value ->> 1, visit.value ->> 2, visit.value ->> 3, visit.value ->> 4
FROM json_each(:rows) AS visit
JOIN visitor ON visitor.uuid = substr(:uuids, visit.key * 16 + 1, 16)
    AND visitor.twin_of IS NULL AND visitor.proof & :proof = :proof
JOIN session ON session.id = visitor.session AND session.reason = 0
    AND visit.value ->> 0 >= session.start
    AND visit.value ->> 0 < session.last + :timeout
    AND visit.value ->> 0 < session.start + :longest
WHERE NOT EXISTS (SELECT 1 FROM recent_id WHERE recent_id.id = substr(:ids, visit.key * 16 + 1, 16))
ORDER BY visit.key
