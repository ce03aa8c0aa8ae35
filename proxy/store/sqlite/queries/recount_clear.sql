-- A count from nothing.
DELETE FROM cell;
DELETE FROM presence;
DELETE FROM reach;
