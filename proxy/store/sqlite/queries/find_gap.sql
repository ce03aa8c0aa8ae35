-- The days before and after one on which a visitor was there.
SELECT
    (SELECT max(day) FROM presence WHERE visitor = ?1 AND kind = ?2 AND subject = ?3 AND lane = ?4 AND day < ?5),
    (SELECT min(day) FROM presence WHERE visitor = ?1 AND kind = ?2 AND subject = ?3 AND lane = ?4 AND day > ?5)
