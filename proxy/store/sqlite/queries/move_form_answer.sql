UPDATE form_answer SET visitor = :other WHERE id = :id
