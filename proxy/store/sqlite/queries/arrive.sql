-- The plain visits of a run: new, of a visitor who returned and is nobody's twin, within an open session (the three
-- conditions on its times are `contains` of visitors/sessions.py, for a session that has not ended). :times is a JSON
-- array; :visits has 96 bytes each: id (16), uuid (16), then uri, referrer, amount and facts, 16 digits each, -1 for
-- NULL (reading a number from there costs a third of reading it from JSON). :whole: all of them or none.
INSERT INTO arrival (id, time, action, visitor, session, uri, referrer, amount, facts)
WITH plain AS MATERIALIZED (
    SELECT visit.key * 96 AS place, visit.value AS time, visitor.id AS visitor, session.id AS session
    FROM json_each(:times) AS visit
    JOIN visitor ON visitor.uuid = substr(:visits, visit.key * 96 + 17, 16)
        AND visitor.twin_of IS NULL AND visitor.proof & :proof = :proof
    JOIN session ON session.id = visitor.session AND session.reason = 0
        AND visit.value >= session.start
        AND visit.value < session.last + :timeout
        AND visit.value < session.start + :longest
    WHERE NOT EXISTS (SELECT 1 FROM recent_id WHERE recent_id.id = substr(:visits, visit.key * 96 + 1, 16))
)
SELECT substr(:visits, place + 1, 16), time, :action, visitor, session,
    nullif(CAST(substr(:visits, place + 33, 16) AS INTEGER), -1),
    nullif(CAST(substr(:visits, place + 49, 16) AS INTEGER), -1),
    nullif(CAST(substr(:visits, place + 65, 16) AS INTEGER), -1),
    nullif(CAST(substr(:visits, place + 81, 16) AS INTEGER), -1)
FROM plain
WHERE NOT :whole OR (SELECT count(*) FROM plain) = json_array_length(:times)
ORDER BY place
