-- Whether the file has what the report reads: it is of version 2 or later.
SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = 'rejection'
