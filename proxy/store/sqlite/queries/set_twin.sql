-- A visitor turned out to be another one; whoever was taken for it is that other one too.
UPDATE visitor SET twin_of = :other, session = NULL WHERE id = :twin OR twin_of = :twin
