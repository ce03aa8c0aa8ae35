-- Where the events of a time are; nothing is 1 to 0. What is there of other times as well has to be left out.
SELECT coalesce(min(first), 1), coalesce(max(last), 0)
FROM reach WHERE slot BETWEEN :since / :reach_ms AND (:until - 1) / :reach_ms
