-- The sessions of a page, and when each began and was heard of last: the one with the newest interaction first.
SELECT session, min(start), max(start) FROM interaction WHERE {condition} AND session IS NOT NULL AND {candidates}
GROUP BY session HAVING max(start) BETWEEN ? AND ? {beyond}
ORDER BY max(start) {way}, session {way} LIMIT {limit}
