-- Texts that addresses name: their titles.
DELETE FROM suspect WHERE kind = :word AND id IN (SELECT title FROM uri WHERE id > :place AND id <= :end)
