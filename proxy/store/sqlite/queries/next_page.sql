-- The page that a visitor asked for from this one, a moment before :time: of the latest events of the session, the
-- earliest page.visit that names it as its referrer, or names none.
SELECT min(latest.time)
FROM (SELECT time, seq, action, referrer FROM event WHERE session = :session ORDER BY seq DESC LIMIT :latest) AS latest
LEFT JOIN word AS referrer ON referrer.id = latest.referrer
WHERE latest.action = :visit AND latest.seq > :view AND latest.time > :time - :within AND latest.time <= :time
    AND (referrer.value IS NULL OR referrer.value = (SELECT value FROM uri WHERE id = :uri))
