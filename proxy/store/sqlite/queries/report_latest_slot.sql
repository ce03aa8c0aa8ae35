-- The last time with events.
SELECT max(slot) FROM reach WHERE slot BETWEEN :since / :reach_ms AND (:until - 1) / :reach_ms
