-- When a visitor was there in a lane, as a JSON array of [kind, subject, day, n].
SELECT json_group_array(json_array(kind, subject, day, n)) FROM presence WHERE visitor = ? AND lane = ?
