-- Take the ids of a run of visits.
INSERT INTO recent_id (id, seq)
SELECT substr(:ids, visit.key * 16 + 1, 16), :seq + visit.key FROM json_each(:rows) AS visit
