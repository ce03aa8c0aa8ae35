-- Sessions from some sources. :sources is a JSON array of their texts. Nothing that is counted is later than their last
-- activity: that is moved by all but a page.leave without any time in use.
INSERT INTO came (session, start, last)
SELECT id, start, last FROM session
WHERE source IN (SELECT word.id FROM json_each(:sources) AS source JOIN word ON word.value = source.value)
    AND start < :until AND last >= :since
