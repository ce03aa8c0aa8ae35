-- All that are suspected before the walk begins.
UPDATE suspect SET ready = 1 WHERE ready = 0
