-- Which visits of a run were not plain: those whose id is not among the last :added events. One JSON array of places.
SELECT json_group_array(visit.key) FROM json_each(:times) AS visit
WHERE NOT EXISTS (
    SELECT 1 FROM recent_id
    WHERE recent_id.id = substr(:visits, visit.key * 96 + 1, 16)
        AND recent_id.seq > (SELECT max(seq) FROM event) - :added
)
