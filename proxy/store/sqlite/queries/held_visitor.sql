-- The visitor that a uuid stands for; a crawler is none.
SELECT main FROM (SELECT coalesce(twin_of, id) AS main FROM visitor WHERE uuid = :uuid)
WHERE NOT EXISTS (SELECT 1 FROM presence WHERE visitor = main AND lane = 0)
