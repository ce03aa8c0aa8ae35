DELETE FROM form_answer WHERE id = ?
