-- The same before a day.
DELETE FROM unheld WHERE day IN (SELECT day FROM unheld WHERE day < :day LIMIT :most)
