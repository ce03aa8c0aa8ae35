-- The session.end of a session whose last activity moved.
UPDATE event SET wait = max(0, wait + time - :time), time = :time WHERE session = :session AND action = :action
