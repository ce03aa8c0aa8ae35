-- Answers that wait for what a browser tells of a form, and notes beside them (status 0).
SELECT id, time, status, redirect, forms FROM form_answer
WHERE visitor = :visitor AND host = :host AND path = :path
ORDER BY time, id
