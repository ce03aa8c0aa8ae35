-- Where the events of a time are, in steps, the latest first.
SELECT slot, first, last FROM reach
WHERE slot BETWEEN :since / :reach_ms AND (:until - 1) / :reach_ms
ORDER BY slot DESC
