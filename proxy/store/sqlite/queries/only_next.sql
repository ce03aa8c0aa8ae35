-- They are chosen, and no longer looked for.
INSERT INTO chosen (session) SELECT session FROM latest;
DELETE FROM matched WHERE session IN (SELECT session FROM latest);
DELETE FROM came WHERE :is_over AND session IN (SELECT session FROM latest);
DELETE FROM latest;
