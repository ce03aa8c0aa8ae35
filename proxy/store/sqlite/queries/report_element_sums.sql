-- Hovers over one element, and those outside any session; their visitors, and those of them without cookies; hovers that
-- were longer than usual (bit 4 of state), and those that say that a click ended them.
WITH hover AS MATERIALIZED (
    SELECT seq, visitor, session, state,
        :lane = :person AND EXISTS (SELECT 1 FROM cookieless WHERE cookieless.id = event.visitor) AS is_beside
    FROM event
    WHERE seq BETWEEN :low AND :high AND time >= :since AND time < :until AND lane = :lane
        AND action = (SELECT id FROM word WHERE value = :action) AND amount IS NOT NULL
        AND target = (
            SELECT target.id FROM page JOIN target ON target.page = page.id
            WHERE page.host = :host AND page.path = :path AND target.name = :name
        )
)
SELECT count(*), count(*) - count(hover.session), count(DISTINCT CASE WHEN NOT is_beside THEN hover.visitor END),
    count(DISTINCT CASE WHEN is_beside THEN hover.visitor END), count(CASE WHEN hover.state & 4 THEN 1 END),
    count(CASE WHEN json_type(facts.value, '$.clicked') = 'true' THEN 1 END)
FROM hover CROSS JOIN main.event AS own ON own.seq = hover.seq LEFT JOIN word AS facts ON facts.id = own.facts
