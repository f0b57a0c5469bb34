SELECT start // {step} - CAST(start % {step} < 0 AS BIGINT) AS bucket, count(*), sum(cost), bool_or(lower_bound OR unpriced_calls > 0),
    count(*) FILTER (WHERE status = 'error')
FROM interaction WHERE {condition} GROUP BY bucket ORDER BY bucket
