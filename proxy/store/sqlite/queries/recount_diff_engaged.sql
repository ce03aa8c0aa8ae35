-- Page views whose time in use is wrong.
SELECT event.seq, event.engaged, used.ms
FROM event LEFT JOIN used ON used.seq = event.seq
WHERE event.engaged IS NOT used.ms
