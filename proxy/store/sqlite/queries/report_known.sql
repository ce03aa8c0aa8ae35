-- The slots of time, of `reach_ms` each, that have events; their beginnings.
SELECT slot * :reach_ms FROM reach ORDER BY slot
