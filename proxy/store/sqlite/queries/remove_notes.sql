-- Notes that somebody's browser became one of these (handing.py). :uuids is a JSON array of hex digits.
DELETE FROM form_answer WHERE status = 0 AND redirect IN (SELECT value FROM json_each(?))
