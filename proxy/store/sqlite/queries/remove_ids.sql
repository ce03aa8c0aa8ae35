-- Ids that came in long ago. Of a refused event seq is that of the last event before it, below 0.
DELETE FROM recent_id WHERE id > :place AND id <= :end AND abs(seq) <= :until
