-- Visits, as they came.
INSERT INTO staged (id, visits) VALUES (?, ?)
