-- The last event that is not later than :time, whatever came in between.
SELECT coalesce(max(last), 0) FROM reach WHERE slot <= :time / :reach_ms
