-- Sessions from some sources. :sources is a JSON array of their texts; :longest, how long a session is at most.
INSERT INTO came (session, start, until)
SELECT id, start, max(last, start + :longest) FROM session
WHERE source IN (SELECT word.id FROM json_each(:sources) AS source JOIN word ON word.value = source.value)
    AND start < :until AND max(last, start + :longest) >= :since
