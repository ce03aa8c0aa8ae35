UPDATE form_answer SET visitor = :other WHERE visitor = :twin
