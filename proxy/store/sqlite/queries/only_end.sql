-- Nothing is picked any more.
DROP TABLE IF EXISTS temp.event;
DROP TABLE IF EXISTS temp.came;
DROP TABLE IF EXISTS temp.matched;
DROP TABLE IF EXISTS temp.chosen;
DROP TABLE IF EXISTS temp.latest;
