-- How many events the sessions have that were chosen last, and between which seqs all of these are: nothing of a session
-- happened before it began.
SELECT coalesce(sum(session.events + 2), 0),
    coalesce((SELECT min(first) FROM reach WHERE slot >= min(session.start) / :reach_ms), 0),
    coalesce(max(session.top), 0)
FROM latest CROSS JOIN session ON session.id = latest.session
