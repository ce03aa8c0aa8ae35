-- When the first of them is over, now that all days are there.
UPDATE moment SET until = (SELECT until FROM day WHERE day.id = moment.day)
