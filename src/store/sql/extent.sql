-- When the first and the last interaction begin, and how many there are. A sorted row is found faster than a least one: most row groups are skipped.
SELECT (SELECT start FROM interaction ORDER BY start LIMIT 1), (SELECT start FROM interaction ORDER BY start DESC LIMIT 1), (SELECT count(*) FROM interaction)
