-- A run of page.visits of people whose sessions go on. A row is [time, visitor, session, uri, referrer, amount, facts].
INSERT INTO event (seq, id, time, wait, action, visitor, session, lane, uri, referrer, amount, facts)
SELECT :seq + visit.key, substr(:ids, visit.key * 16 + 1, 16), visit.value ->> 0, 0, :action, visit.value ->> 1,
    visit.value ->> 2, 2, visit.value ->> 3, visit.value ->> 4, visit.value ->> 5, visit.value ->> 6
FROM json_each(:rows) AS visit
