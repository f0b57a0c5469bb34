-- Contents of which only a beginning was logged, by feature.
SELECT i.feature, count(DISTINCT c.id)
FROM content c JOIN "use" u ON u.content = c.id JOIN (SELECT trace, feature FROM interaction WHERE {scope}) i ON i.trace = u.trace
WHERE c.form = 'preview' GROUP BY i.feature ORDER BY i.feature NULLS LAST
