SELECT trace, first, last FROM interaction
WHERE feature IS NOT DISTINCT FROM ? AND cost IS NOT NULL AND start >= ? AND start <= ? AND {condition} ORDER BY start DESC, place DESC LIMIT ?
