-- Whether anything waits to be entered.
SELECT EXISTS (SELECT 1 FROM staged WHERE id > 0)
