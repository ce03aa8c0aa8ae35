-- Of these, those that were not there after all.
DELETE FROM presence WHERE n = 0 AND (visitor, kind, subject, lane, day) IN (VALUES (?, ?, ?, ?, ?))
