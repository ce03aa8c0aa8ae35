-- Events of which no more is known than of most: the other columns are NULL.
INSERT INTO event (seq, id, time, wait, action, visitor, session, lane, state, uri, title, referrer, amount, facts, back)
SELECT * FROM (VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)) WHERE column1 <> 0
