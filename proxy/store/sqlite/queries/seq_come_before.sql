-- The last event that came in before :limit: nothing with an earlier time can be after the first one whose time is later.
-- Or, where that is later, the last one before all that are kept: whatever is gone came in at least a day ago.
SELECT max(
    coalesce((
        SELECT seq FROM event
        WHERE seq < (SELECT coalesce(min(first), 9223372036854775807) FROM reach WHERE slot >= :limit / :reach_ms)
            AND time + wait < :limit
        ORDER BY seq DESC LIMIT 1
    ), 0),
    coalesce((SELECT min(seq) - 1 FROM event), 0)
)
