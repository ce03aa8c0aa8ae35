-- Whether any page of a day went without its tag.
SELECT 1 FROM blocked WHERE day = ? LIMIT 1
