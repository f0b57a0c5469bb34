-- A page of sessions, the one with the newest interaction first: which they are, then what all their interactions come to.
WITH page AS (
    SELECT session FROM interaction WHERE {condition} AND session IS NOT NULL GROUP BY session {beyond}
    ORDER BY max(start) {way}, session {way} LIMIT {limit}
)
SELECT session, count(*), min(start), max(start), first(user_id ORDER BY start DESC, place DESC) FILTER (WHERE user_id IS NOT NULL),
    sum(calls), sum(tokens), bool_or(tokens IS NULL AND calls > 0), sum(cost), bool_or(lower_bound OR unpriced_calls > 0),
    count(*) FILTER (WHERE status = 'error'), count(findings),
    coalesce(first(ask ORDER BY start DESC, place DESC) FILTER (WHERE ask <> ''), '')
FROM interaction WHERE {condition} AND session IN (SELECT session FROM page)
GROUP BY session ORDER BY max(start) DESC, session DESC
