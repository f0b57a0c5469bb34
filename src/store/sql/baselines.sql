SELECT feature, quantile_disc(cost, 0.5), CAST(count(cost) AS UINTEGER) FROM interaction
WHERE feature IS NOT NULL AND cost IS NOT NULL AND start > (SELECT max(start) FROM interaction) - ?
GROUP BY feature HAVING count(cost) >= ? ORDER BY feature
