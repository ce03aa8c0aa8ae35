-- A visitor is a customer, whose mark may be another one since.
INSERT INTO customer (mark, visitor, tied) VALUES (:mark, :visitor, :tied)
ON CONFLICT (visitor) DO UPDATE SET mark = :mark
