SELECT {key}, sum(calls), count(*), sum(input), sum(cache_read), sum(cache_write), sum(cache_write_1h), sum(output), sum(reasoning),
    sum(cost), {median}, sum(unpriced_calls), bool_or(lower_bound), CAST(count(cost) AS HUGEINT), sum(saved), bool_or(saved_unknown)
FROM {table} WHERE {condition} GROUP BY {key} ORDER BY sum(cost) DESC NULLS LAST, {key} NULLS LAST
