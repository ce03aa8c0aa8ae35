-- A count from nothing.
DELETE FROM cell;
DELETE FROM fresh_cell;
DELETE FROM presence;
DELETE FROM reach;
