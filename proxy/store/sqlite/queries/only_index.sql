-- For questions that follow a session's events; made at once when all are there.
CREATE INDEX temp.only_session ON event (session)
