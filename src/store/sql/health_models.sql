-- Calls and tokens by model and provider, a span counted once.
SELECT provider, request_model, response_model, count(*),
    CAST(sum(input) AS HUGEINT), CAST(sum(cache_read) AS HUGEINT), CAST(sum(cache_write) AS HUGEINT), CAST(sum(cache_write_1h) AS HUGEINT),
    CAST(sum(output) AS HUGEINT), CAST(sum(reasoning) AS HUGEINT), max(start)
FROM (
    SELECT max(provider) AS provider, max(request_model) AS request_model, max(response_model) AS response_model, max(input) AS input,
        max(cache_read) AS cache_read, max(cache_write) AS cache_write, max(cache_write_1h) AS cache_write_1h, max(output) AS output,
        max(reasoning) AS reasoning, min(start) AS start
    FROM part WHERE kind IN ('llm', 'embedding', 'rerank') AND trace IN (SELECT trace FROM interaction WHERE {scope})
    GROUP BY trace, span_id
) WHERE coalesce(input, cache_read, cache_write, cache_write_1h, output) IS NOT NULL
GROUP BY provider, request_model, response_model ORDER BY provider NULLS LAST, request_model NULLS LAST, response_model NULLS LAST
