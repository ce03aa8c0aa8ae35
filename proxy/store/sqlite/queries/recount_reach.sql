-- Where events of a time are.
INSERT INTO reach (slot, first, last) SELECT slot, first, last FROM moment WHERE first IS NOT NULL
