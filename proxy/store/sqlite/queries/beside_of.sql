-- Which of some visitors, a JSON array, keep no cookie; one as well.
SELECT json_group_array(id) FROM cookieless WHERE id IN (SELECT value FROM json_each(:visitors))
