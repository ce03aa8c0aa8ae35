-- It is over.
DROP VIEW IF EXISTS temp.counted;
DROP TABLE IF EXISTS temp.moment;
DROP TABLE IF EXISTS temp.act;
DROP TABLE IF EXISTS temp.text;
DROP TABLE IF EXISTS temp.field;
DROP TABLE IF EXISTS temp.used;
DROP TABLE IF EXISTS temp.visit;
DROP TABLE IF EXISTS temp.stay;
DROP TABLE IF EXISTS temp.day;
DROP TABLE IF EXISTS temp.cell;
DROP TABLE IF EXISTS temp.stored_cell;
DROP TABLE IF EXISTS temp.presence;
DROP TABLE IF EXISTS temp.reach;
