-- Pages without their tag, before a day.
DELETE FROM blocked WHERE (day, page, reason) IN (SELECT day, page, reason FROM blocked WHERE day < :day LIMIT :most)
