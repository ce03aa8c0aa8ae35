-- The longest hover of some elements that was longer than usual, and what was known before it. :elements and :actions as
-- in report_hover_lengths.
SELECT element.value, event.amount, event.usual_ms, event.usual_n
FROM json_each(:elements) AS element
JOIN json_each(:actions) AS kind ON kind.key = element.value % :element_contexts
JOIN event ON event.seq = (
    SELECT seq FROM event
    WHERE target = element.value / :element_contexts AND state & 4 AND amount IS NOT NULL
        AND action = (SELECT id FROM word WHERE value = kind.value)
        AND lane = :lane AND time >= :since AND time < :until
    ORDER BY amount DESC, seq
    LIMIT 1
)
