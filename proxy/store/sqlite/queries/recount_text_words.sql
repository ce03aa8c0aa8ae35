-- Words that are there.
UPDATE text SET word = (SELECT id FROM word WHERE word.value = text.value)
