-- Which of some visitors were there on a day that lies in a span as a whole. :keys is a JSON array.
SELECT DISTINCT visitor.value
FROM json_each(:keys) AS visitor JOIN presence ON presence.visitor = visitor.value AND presence.kind = :views
    AND presence.subject = 0 AND presence.lane IN (:lane, CASE :lane WHEN :person THEN :beside ELSE :lane END)
    AND presence.day BETWEEN :first AND :last
