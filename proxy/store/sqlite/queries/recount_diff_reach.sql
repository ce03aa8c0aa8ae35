-- Times whose events would not all be found. Wider than needed is as good.
SELECT counted.slot, stored.first || ' to ' || stored.last, counted.first || ' to ' || counted.last
FROM temp.reach AS counted LEFT JOIN main.reach AS stored ON stored.slot = counted.slot
WHERE stored.slot IS NULL OR stored.first > counted.first OR stored.last < counted.last
