-- All of it was entered.
DELETE FROM staged WHERE id > 0
