-- A visitor is a customer, whose mark may be another one since.
INSERT INTO customer (mark, visitor) VALUES (:mark, :visitor)
ON CONFLICT (visitor) DO UPDATE SET mark = :mark
