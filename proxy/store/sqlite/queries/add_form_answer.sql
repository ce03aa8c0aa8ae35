INSERT INTO form_answer (visitor, time, host, path, status, redirect, forms)
VALUES (:visitor, :time, :host, :path, :status, :redirect, :forms)
