-- Ids of what has told of events that are gone, confirmations; :seqs is a JSON array.
SELECT id FROM recent_id WHERE seq IN (SELECT value FROM json_each(:seqs))
