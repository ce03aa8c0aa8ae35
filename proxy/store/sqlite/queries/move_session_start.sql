-- The session.start of a session whose first event arrived late.
UPDATE event SET wait = wait + time - :time, time = :time WHERE session = :session AND action = :action
