-- A sender's first number.
INSERT INTO sender (id, number, day) VALUES (:id, :number, :day) ON CONFLICT DO NOTHING
