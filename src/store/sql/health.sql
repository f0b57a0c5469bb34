-- Model calls by feature and step of time, and how many lack what. A span may stand in several parts; a call that wraps another one (a second
-- instrumentation) is not counted, but lends it prompt, response and parameters. The last parameter is the step.
WITH wanted AS MATERIALIZED (SELECT trace, feature, user_id, session FROM interaction WHERE {scope}),
llm_span AS (
    SELECT p.trace, p.span_id, min(p.start) AS start, max(p.parent_id) AS parent_id, bit_or(p.slots) AS slots,
        bool_or(p.input IS NOT NULL) AND bool_or(p.output IS NOT NULL) AS tokens,
        bool_or(coalesce(p.cache_read, p.cache_write, p.cache_write_1h) IS NOT NULL) AS cached,
        bool_or(coalesce(p.response_model, p.request_model) IS NOT NULL) AS model, bool_or(p.params IS NOT NULL AND p.params <> '{}') AS params,
        bool_or(p.ends IS NOT NULL) AS ended, bool_or(p.start_from IN ('logged', 'envelope')) AS timed, bool_or(p.dialect IN ({sessions})) AS told
    FROM part p WHERE p.trace IN (SELECT trace FROM wanted) GROUP BY p.trace, p.span_id HAVING bool_or(p.kind = 'llm')
),
llm_call AS (
    SELECT s.*, s.slots | coalesce(w.slots, 0) AS seen, s.params OR coalesce(w.params, false) AS asked
    FROM llm_span s LEFT JOIN llm_span w ON w.trace = s.trace AND w.span_id = s.parent_id
    WHERE NOT EXISTS (SELECT 1 FROM llm_span inner_call WHERE inner_call.trace = s.trace AND inner_call.parent_id = s.span_id)
),
judged AS (
    SELECT i.feature, c.start,
        NOT c.told AND c.seen & {prompt} = 0 AS l0, c.seen & {response} = 0 AS l1, NOT c.tokens AS l2, NOT c.cached AS l3, NOT c.model AS l4,
        NOT c.asked AS l5, NOT c.ended AS l6, i.user_id IS NULL AS l7, i.session IS NULL AS l8, i.feature IS NULL AS l9, NOT c.timed AS l10
    FROM llm_call c JOIN wanted i ON i.trace = c.trace
)
SELECT feature, start // CAST(? AS BIGINT) AS step, count(*), {counts}
FROM judged GROUP BY feature, step ORDER BY feature NULLS LAST, step
