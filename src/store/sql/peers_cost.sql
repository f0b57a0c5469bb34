SELECT quantile_disc(p.cost, 0.5), CAST(count(p.cost) AS UINTEGER)
FROM interaction p, (SELECT feature, start FROM interaction WHERE trace = ? LIMIT 1) one
WHERE p.feature = one.feature AND p.start < one.start AND p.start >= one.start - ?
