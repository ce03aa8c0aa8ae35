-- :acts is a JSON array of [action, kind, context].
INSERT INTO act (word, kind, context)
SELECT word.id, json_extract(act.value, '$[1]'), json_extract(act.value, '$[2]')
FROM json_each(:acts) AS act JOIN word ON word.value = json_extract(act.value, '$[0]')
