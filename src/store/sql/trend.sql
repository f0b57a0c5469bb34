-- Spend of the dearest values of a key by step of time, and how many of its interactions are dear among those that could be judged.
SELECT t.{key}, least((t.start - {since}) // {step}, {last}) AS nth, sum(t.cost),
    count(d.trace), count(t.cost) FILTER (WHERE j.since IS NOT NULL)
FROM {rows} t
JOIN (SELECT {key} FROM {rows} GROUP BY {key} ORDER BY sum(cost) DESC NULLS LAST, {key} NULLS LAST LIMIT {limit}) k
    ON k.{key} IS NOT DISTINCT FROM t.{key}
LEFT JOIN temp.dear d ON d.trace = t.trace
LEFT JOIN temp.judged j ON j.feature IS NOT DISTINCT FROM t.feature AND t.begun BETWEEN j.since AND j.until
GROUP BY t.{key}, nth ORDER BY t.{key} NULLS LAST, nth
