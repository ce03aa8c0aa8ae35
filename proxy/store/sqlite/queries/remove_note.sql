-- The note of what an answer meant, once it is known whose it is.
DELETE FROM form_answer WHERE visitor = :visitor AND host = :host AND path = :path AND time = :time AND status = 0
