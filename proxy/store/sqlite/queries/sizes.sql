-- Bytes of each table, its indexes included, of what else is in the file, and of what is free in it; the largest first.
SELECT name, bytes
FROM (
    SELECT coalesce(entry.tbl_name, page.name) AS name, sum(page.pgsize) AS bytes
    FROM dbstat AS page LEFT JOIN sqlite_schema AS entry ON entry.name = page.name
    WHERE page.aggregate = TRUE
    GROUP BY 1
    UNION ALL
    SELECT 'free', freelist_count * page_size FROM pragma_freelist_count, pragma_page_size WHERE freelist_count > 0
)
ORDER BY bytes DESC, name
