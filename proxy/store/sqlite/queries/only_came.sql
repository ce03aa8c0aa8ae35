-- Sessions from some sources, with a device. :sources is a JSON array of their texts; NULL: from any. :device NULL: with
-- any. Nothing that is counted is later than their last activity: that is moved by all but a page.leave without any time
-- in use.
INSERT INTO came (session, start, last)
SELECT id, start, last FROM session
WHERE start < :until AND last >= :since
    AND (:sources IS NULL OR source IN (
        SELECT word.id FROM json_each(:sources) AS source JOIN word ON word.value = source.value
    ))
    AND (:device IS NULL OR device = (SELECT id FROM word WHERE value = :device))
