-- How far so many interactions reach, and how many there are.
SELECT {reach}(start), count(*) FROM (
    SELECT start FROM interaction WHERE {condition} AND session IS NOT NULL AND start BETWEEN ? AND ? ORDER BY start {way} LIMIT {many}
)
