-- The session.end of a session whose last activity moved.
UPDATE event SET wait = wait + time - :time, time = :time WHERE session = :session AND action = :action
