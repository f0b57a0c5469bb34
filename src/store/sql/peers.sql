SELECT p.trace, p.first, p.last FROM interaction p, (SELECT feature, start, trace FROM interaction WHERE trace = ?) one
WHERE p.feature = one.feature AND p.start < one.start AND p.start >= one.start - ? AND p.trace <> one.trace
ORDER BY p.start DESC, p.place DESC LIMIT ?
