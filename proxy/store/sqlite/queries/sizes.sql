-- Bytes of each table, its indexes included, and of what else is in the file; the largest first.
SELECT coalesce(entry.tbl_name, page.name), sum(page.pgsize)
FROM dbstat AS page LEFT JOIN sqlite_schema AS entry ON entry.name = page.name
WHERE page.aggregate = TRUE
GROUP BY 1 ORDER BY 2 DESC, 1
