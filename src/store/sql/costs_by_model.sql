WITH judged AS ({judged}),
per_interaction AS (
    SELECT c.model, c.trace, count(*) AS calls, sum(c.input) AS input, sum(c.cache_read) AS cache_read, sum(c.cache_write) AS cache_write,
        sum(c.cache_write_1h) AS cache_write_1h, sum(c.output) AS output, sum(c.reasoning) AS reasoning, sum(c.cost) AS cost,
        count(*) FILTER (WHERE c.cost IS NULL) AS unpriced_calls, bool_or(c.cost_basis = 'lower_bound') AS lower_bound
    FROM call c {scope} GROUP BY ALL
)
SELECT p.model, sum(calls), count(*), sum(input), sum(cache_read), sum(cache_write), sum(cache_write_1h), sum(output), sum(reasoning),
    sum(cost), quantile_disc(cost, 0.5), sum(unpriced_calls), bool_or(lower_bound), CAST(count(cost) AS HUGEINT), count(dear), count(*) FILTER (WHERE dear)
FROM per_interaction p LEFT JOIN judged j ON j.trace = p.trace
GROUP BY p.model ORDER BY sum(cost) DESC NULLS LAST, p.model NULLS LAST
