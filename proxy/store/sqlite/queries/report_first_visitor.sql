-- The visitor that came first: its uuid is random, so that no other store begins with it.
SELECT uuid FROM visitor ORDER BY id LIMIT 1
