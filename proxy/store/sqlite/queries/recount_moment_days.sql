-- The days of ten minutes.
UPDATE moment SET day = ?2, later = ?3 WHERE slot = ?1
