-- Requests counted before a day, so many rows of them.
DELETE FROM outcome WHERE (day, host, name) IN (SELECT day, host, name FROM outcome WHERE day < :day LIMIT :most)
