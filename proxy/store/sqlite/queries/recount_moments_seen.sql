-- The times whose days are to be known.
SELECT slot, low, high FROM moment ORDER BY slot
