-- Facts are append-only: part, content, use, other, reject, coverage. interaction, spend, step and shape follow from them and may be rebuilt at any time.
-- No PRIMARY KEY and no index on anything that grows: zone maps, time windows and the derived tables do that work.
-- Texts and ids that hardly repeat are zstd: the engine's own choice for them, dict_fsst, makes all of ingest take a quarter more processor time
-- and more room. Those of a list's rows are not compressed: a page fetches them one by one, and zstd expands 2,048 for each.
-- Times are nanoseconds UTC since 1970, durations nanoseconds, costs pico-dollars (10^-12 USD). NULL is "not logged".

CREATE TABLE meta (key VARCHAR NOT NULL, value VARCHAR NOT NULL);

-- A row per source and generation; identity recognises the file at the largest committed end.
CREATE TABLE source (
    id UINTEGER NOT NULL, uri VARCHAR NOT NULL, device UBIGINT NOT NULL, inode UBIGINT NOT NULL, generation UINTEGER NOT NULL,
    file_time BIGINT NOT NULL, ordered BOOLEAN NOT NULL,
    head_length UINTEGER NOT NULL, head_hash UBIGINT NOT NULL, anchor_end UBIGINT NOT NULL, anchor_hash UBIGINT NOT NULL
);

-- Bytes that are in the store, and the physical lines in them by what became of them. dialects and rejects are JSON objects.
CREATE TABLE coverage (
    source UINTEGER NOT NULL, generation UINTEGER NOT NULL, start UBIGINT NOT NULL, stop UBIGINT NOT NULL,
    lines UBIGINT NOT NULL, span UBIGINT NOT NULL, other UBIGINT NOT NULL, rejected UBIGINT NOT NULL, blank UBIGINT NOT NULL,
    dialects VARCHAR NOT NULL, rejects VARCHAR NOT NULL
);

-- What one record says about a span. contents lists content ids by slot: system 7;message 1-3,9;response 10.
CREATE TABLE part (
    trace UBIGINT NOT NULL, start BIGINT NOT NULL, start_from VARCHAR NOT NULL, ends BIGINT, ended BOOLEAN NOT NULL,
    trace_id VARCHAR NOT NULL USING COMPRESSION zstd, span_id VARCHAR NOT NULL USING COMPRESSION zstd, parent_id VARCHAR USING COMPRESSION zstd,
    kind VARCHAR NOT NULL, name VARCHAR NOT NULL,
    status VARCHAR NOT NULL, error VARCHAR USING COMPRESSION zstd, provider VARCHAR, request_model VARCHAR, response_model VARCHAR,
    params VARCHAR USING COMPRESSION zstd,
    stop_reason VARCHAR, time_to_first_token BIGINT,
    input UBIGINT, cache_read UBIGINT, cache_write UBIGINT, cache_write_1h UBIGINT, output UBIGINT, reasoning UBIGINT,
    convention VARCHAR NOT NULL, cost_logged HUGEINT,
    feature VARCHAR, user_id VARCHAR, session VARCHAR, service VARCHAR, tool_name VARCHAR, tool_call_id VARCHAR USING COMPRESSION zstd,
    ask VARCHAR NOT NULL USING COMPRESSION zstd, answer VARCHAR NOT NULL USING COMPRESSION zstd, tool_calls VARCHAR USING COMPRESSION zstd,
    documents UINTEGER, slots UTINYINT NOT NULL,
    contents VARCHAR USING COMPRESSION zstd, attributes VARCHAR USING COMPRESSION zstd, inferred UINTEGER NOT NULL, dialect VARCHAR NOT NULL,
    source UINTEGER NOT NULL, generation UINTEGER NOT NULL, "offset" UBIGINT NOT NULL, length UINTEGER NOT NULL,
    ordinal UINTEGER NOT NULL, hash UBIGINT NOT NULL
);

-- A message, document, payload, definition or system prompt, and who says it (of a document: `document`); a second copy is legal.
CREATE TABLE content (id UBIGINT NOT NULL, role VARCHAR NOT NULL, form VARCHAR NOT NULL, body VARCHAR NOT NULL USING COMPRESSION zstd);

-- Which trace uses which content: what full-text search goes through.
CREATE TABLE "use" (content UBIGINT NOT NULL, trace UBIGINT NOT NULL);

-- Lines that were recognised and carry no span.
CREATE TABLE other (
    source UINTEGER NOT NULL, generation UINTEGER NOT NULL, "offset" UBIGINT NOT NULL, length UINTEGER NOT NULL,
    ordinal UINTEGER NOT NULL, hash UBIGINT NOT NULL, time BIGINT NOT NULL, dialect VARCHAR NOT NULL, text VARCHAR NOT NULL USING COMPRESSION zstd
);

-- Lines that could not be read, kept verbatim.
CREATE TABLE reject (
    source UINTEGER NOT NULL, generation UINTEGER NOT NULL, "offset" UBIGINT NOT NULL, length UINTEGER NOT NULL,
    ordinal UINTEGER NOT NULL, hash UBIGINT NOT NULL, reason VARCHAR NOT NULL, detail VARCHAR NOT NULL, bytes BLOB NOT NULL
);

-- What the spans of interactions are called, a row for each value; all interactions with the same values share one id. A second copy is legal.
CREATE TABLE shape (id UBIGINT NOT NULL, field VARCHAR NOT NULL, value VARCHAR NOT NULL);

-- A row per trace: what lists, filters and panels read. models and findings are JSON arrays, saved is what the prompt cache saved. From shape on it is
-- what filters ask of its spans, and numbers for its user and session: the least and the most of all spans, temperature in millionths, fill in
-- half hundredths of a percent of the context window. Those may be NULL in an older store until it is derived anew.
CREATE TABLE interaction (
    trace UBIGINT NOT NULL, trace_id VARCHAR NOT NULL USING COMPRESSION uncompressed, name VARCHAR NOT NULL, start BIGINT NOT NULL,
    start_from VARCHAR NOT NULL,
    duration BIGINT, feature VARCHAR, user_id VARCHAR, session VARCHAR, service VARCHAR, models VARCHAR,
    spans UINTEGER NOT NULL, llm_calls UINTEGER NOT NULL, tool_calls UINTEGER NOT NULL, retrievals UINTEGER NOT NULL,
    calls UINTEGER NOT NULL, unpriced_calls UINTEGER NOT NULL,
    input BIGINT, cache_read BIGINT, cache_write BIGINT, cache_write_1h BIGINT, output BIGINT, reasoning BIGINT,
    cost BIGINT, cost_basis VARCHAR NOT NULL, cost_logged BIGINT, status VARCHAR NOT NULL, findings VARCHAR,
    dialect VARCHAR NOT NULL, ask VARCHAR NOT NULL USING COMPRESSION uncompressed, answer VARCHAR NOT NULL USING COMPRESSION uncompressed,
    first BIGINT NOT NULL, last BIGINT NOT NULL,
    place HUGEINT NOT NULL, tokens BIGINT, lower_bound BOOLEAN NOT NULL, saved BIGINT, saved_unknown BOOLEAN NOT NULL,
    shape UBIGINT, user_key UINTEGER, session_key UINTEGER, slots UTINYINT,
    input_least BIGINT, input_most BIGINT, output_least BIGINT, output_most BIGINT, temperature_least BIGINT, temperature_most BIGINT,
    first_token_least BIGINT, first_token_most BIGINT, fill_least BIGINT, fill_most BIGINT
);

-- A row per trace and model: what its counted calls of that model came to.
CREATE TABLE spend (
    trace UBIGINT NOT NULL, start BIGINT NOT NULL, model VARCHAR, calls UINTEGER NOT NULL, unpriced_calls UINTEGER NOT NULL,
    input BIGINT, cache_read BIGINT, cache_write BIGINT, cache_write_1h BIGINT, output BIGINT, reasoning BIGINT,
    cost BIGINT, lower_bound BOOLEAN NOT NULL, saved BIGINT, saved_unknown BOOLEAN NOT NULL
);

-- A row per span: what filters ask of one. parent is the key of a parent that was logged, temperature in millionths, input all classes together,
-- context_window what its model can read, slots as in part, findings a bit for each kind. Later columns stand last and may be NULL: an older
-- store gets them when it is opened.
CREATE TABLE step (
    trace UBIGINT NOT NULL, start BIGINT NOT NULL, span UBIGINT NOT NULL, parent UBIGINT, kind VARCHAR NOT NULL, name VARCHAR NOT NULL,
    status VARCHAR NOT NULL, tool VARCHAR, model VARCHAR, stop VARCHAR, temperature BIGINT, first_token BIGINT, took BIGINT,
    input BIGINT, output BIGINT, tokens BIGINT, cost BIGINT, context_window BIGINT, slots UTINYINT NOT NULL,
    findings UBIGINT
);
