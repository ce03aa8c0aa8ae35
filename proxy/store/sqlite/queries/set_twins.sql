-- Whoever was taken for a visitor that turned out to be another one is that other one too.
UPDATE visitor SET twin_of = ? WHERE twin_of = ?
