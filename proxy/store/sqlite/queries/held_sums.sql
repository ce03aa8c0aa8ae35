-- What is held of a visitor in its sessions: their number, when the first began, page views, events; whether it is known
-- as a customer.
SELECT count(*), min(start), coalesce(sum(pages), 0), coalesce(sum(events), 0),
    EXISTS (SELECT 1 FROM customer WHERE customer.visitor = :visitor)
FROM session
WHERE session.visitor = :visitor
