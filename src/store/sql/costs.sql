SELECT {key}, sum(calls), count(*), sum(input), sum(cache_read), sum(cache_write), sum(cache_write_1h), sum(output), sum(reasoning),
    sum(cost), quantile_disc(cost, 0.5), sum(unpriced_calls), bool_or(lower_bound), count(cost), sum(saved), bool_or(saved_unknown)
FROM {table} WHERE {condition} GROUP BY {key} ORDER BY sum(cost) DESC NULLS LAST, {key} NULLS LAST
