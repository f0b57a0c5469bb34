-- Interactions of a session before one of them, the nearest first.
SELECT trace, first, last, start, place FROM interaction
WHERE session = ? AND start BETWEEN ? AND ? AND (start, place) < (?, ?) AND trace <> ? ORDER BY start DESC, place DESC LIMIT ?
