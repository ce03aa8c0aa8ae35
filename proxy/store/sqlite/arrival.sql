-- Of one connection, in memory: the next pages of people whose sessions are running. What is inserted here becomes an
-- event, an id that is known, and the session's new numbers, all within the step of the INSERT.
CREATE TEMP TABLE arrival (
    id BLOB, time INTEGER, action INTEGER, visitor INTEGER, session INTEGER,
    uri INTEGER, referrer INTEGER, amount INTEGER, facts INTEGER
);
CREATE TEMP TRIGGER arrived AFTER INSERT ON arrival BEGIN
    INSERT INTO event (id, time, wait, action, visitor, session, lane, uri, referrer, amount, facts)
    VALUES (new.id, new.time, 0, new.action, new.visitor, new.session, 2, new.uri, new.referrer, new.amount, new.facts);
    INSERT INTO recent_id (id, seq) VALUES (new.id, last_insert_rowid());
    UPDATE session SET pages = pages + 1, events = events + 1, last = max(last, new.time),
        uri = CASE WHEN new.time >= last OR uri IS NULL THEN new.uri ELSE uri END
    WHERE id = new.session;
    DELETE FROM arrival WHERE rowid = new.rowid;
END;
