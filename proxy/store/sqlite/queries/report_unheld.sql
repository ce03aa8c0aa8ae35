-- When pages were not held, on some days; NULL where they always were.
SELECT sum(times), min(first), max(last), max(over) FROM unheld WHERE day BETWEEN :first AND :last
