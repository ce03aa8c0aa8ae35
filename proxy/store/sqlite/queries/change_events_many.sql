-- Events that are known better now; where they belong stays.
UPDATE event SET time = new.column2, wait = new.column3, view = new.column4, lane = new.column5, state = new.column6,
    uri = new.column7, title = new.column8, referrer = new.column9, amount = new.column10, facts = new.column11,
    engaged = new.column12, back = new.column13, more = new.column14
FROM (VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)) AS new
WHERE event.seq = new.column1
