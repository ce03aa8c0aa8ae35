-- Version 6: the evidence of hovers, and the events of a session from the last one back.

-- Of a hover, what was known of its element before it; in `more` they took a tenth of the file. A click's `href` is in
-- `facts` from now on.
ALTER TABLE event ADD COLUMN usual_ms INTEGER;
ALTER TABLE event ADD COLUMN usual_n INTEGER;
UPDATE event SET usual_ms = more ->> '$.usual_ms', usual_n = more ->> '$.usual_n',
    more = nullif(json_remove(more, '$.usual_ms', '$.usual_n'), '{}')
WHERE more IS NOT NULL AND typeof(more ->> '$.usual_ms') = 'integer' AND more ->> '$.usual_ms' >= 0
    AND typeof(more ->> '$.usual_n') = 'integer' AND more ->> '$.usual_n' >= 0
    AND action IN (SELECT id FROM word WHERE value LIKE '%.hover');

-- The events of a session, from the one that was told last: session.top is its seq, and event.back how far before an
-- event's seq that of the one is that was told before it; NULL where it is the first. An index of them took a ninth of the
-- file, and every event of a batch was on another page of it. A recount fills both.
ALTER TABLE event ADD COLUMN back INTEGER;
ALTER TABLE session ADD COLUMN top INTEGER;
DROP INDEX event_session;
