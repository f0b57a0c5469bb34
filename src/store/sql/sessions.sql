-- What all interactions of a page's sessions come to, between the first of them and the last: the rest of the table is skipped.
SELECT session, count(*), min(start), max(start), first(user_id ORDER BY start DESC, place DESC) FILTER (WHERE user_id IS NOT NULL),
    sum(calls), sum(tokens), bool_or(tokens IS NULL AND calls > 0), sum(cost), bool_or(lower_bound OR unpriced_calls > 0),
    count(*) FILTER (WHERE status = 'error'), count(findings),
    coalesce(first(ask ORDER BY start DESC, place DESC) FILTER (WHERE ask <> ''), '')
FROM interaction WHERE {condition} AND start BETWEEN ? AND ? AND session IN (SELECT session FROM (VALUES {places}) AS page(session))
GROUP BY session ORDER BY max(start) DESC, session DESC
