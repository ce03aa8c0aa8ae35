-- And so do its events.
UPDATE event SET visitor = :visitor, session = :into WHERE session = :session
