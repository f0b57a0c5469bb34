-- Of what spans are called: interactions are counted by their shapes.
SELECT s.value, CAST(sum(i.count) AS UBIGINT) AS count
FROM (SELECT id, value FROM shape WHERE field = '{field}' AND value <> '' AND contains(lower(value), lower(?))) s
JOIN (SELECT shape, count(*) AS count FROM interaction GROUP BY shape) i ON i.shape = s.id
GROUP BY s.value ORDER BY count DESC, s.value LIMIT ?
