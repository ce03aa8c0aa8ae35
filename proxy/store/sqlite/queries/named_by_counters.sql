-- Texts that are counted by on a day: names of fields, of people only (events of forms are in no other lane); hosts,
-- outcomes and reasons.
DELETE FROM suspect WHERE kind = :word AND id IN (
    SELECT extra / 4 FROM cell WHERE kind = :field AND lane = :person AND day = :day
    UNION SELECT host FROM outcome WHERE day = :day
    UNION SELECT name FROM outcome WHERE day = :day
    UNION SELECT reason FROM blocked WHERE day = :day
)
