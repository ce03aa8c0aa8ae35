-- Whether an event only keeps its number (keep_seq.sql): its visitor is nobody.
SELECT visitor = 0 FROM event WHERE seq = ?
