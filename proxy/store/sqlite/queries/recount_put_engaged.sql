-- Page views are in use as long as was counted.
UPDATE event SET engaged = (SELECT ms FROM used WHERE used.seq = event.seq)
WHERE engaged IS NOT (SELECT ms FROM used WHERE used.seq = event.seq)
