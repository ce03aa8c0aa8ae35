-- When the first day begins on which one of some visitors was there, of a span. :keys is a JSON array.
SELECT min(day.start)
FROM json_each(:keys) AS visitor JOIN presence ON presence.visitor = visitor.value AND presence.kind = :views
    AND presence.subject = 0 AND presence.lane = :lane
JOIN day ON day.id = presence.day
WHERE day.until > :since
