-- Open sessions old enough to be looked at by the sweeper.
SELECT id, start, last, reason FROM session WHERE reason = 0 AND start <= ?
