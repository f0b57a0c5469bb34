-- System prompts and who used them, the one used last first: one text may be stored twice, and one interaction may use it in many calls.
WITH prompt AS (SELECT id, min(id) OVER (PARTITION BY body) AS one FROM content WHERE role = 'system'),
used AS (SELECT DISTINCT p.one, u.trace FROM "use" u JOIN prompt p ON p.id = u.content),
grouped AS (
    SELECT u.one, array_to_string(list_sort(list(DISTINCT i.feature) FILTER (WHERE i.feature IS NOT NULL)), chr(31)) AS features,
        min(i.start) AS first, max(i.start) AS last, count(*) AS interactions, CAST(sum(i.llm_calls) AS UBIGINT) AS calls,
        sum(i.cost) AS cost, count(i.findings) AS with_finding
    FROM used u JOIN (SELECT trace, feature, start, llm_calls, cost, findings FROM interaction WHERE {condition}) i ON i.trace = u.trace
    GROUP BY u.one ORDER BY last DESC, u.one LIMIT ?
)
SELECT body, form, features, first, last, interactions, calls, cost, with_finding
FROM grouped g JOIN content c ON c.id = g.one ORDER BY last DESC, g.one
