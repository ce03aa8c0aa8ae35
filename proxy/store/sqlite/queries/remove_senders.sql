-- Senders of whom nothing came for long.
DELETE FROM sender WHERE day < :day - :days
