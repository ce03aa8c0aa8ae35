-- Of the customer that a visitor is.
SELECT mark FROM customer WHERE visitor = ?
