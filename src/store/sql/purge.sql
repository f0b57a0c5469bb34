-- store → fresh: what stays when everything older than {before} goes. Where every line was read from stays whole: it is not read again.
CREATE OR REPLACE TEMP TABLE survivor AS SELECT trace FROM store.interaction WHERE last >= {before};

INSERT INTO fresh.meta SELECT * FROM store.meta;
INSERT INTO fresh.source SELECT * FROM store.source;
INSERT INTO fresh.coverage SELECT * FROM store.coverage;

-- An interaction is as old as its newest part, and goes or stays with all of them.
INSERT INTO fresh.part SELECT * FROM store.part WHERE trace IN (SELECT trace FROM survivor);
INSERT INTO fresh."use" SELECT * FROM store."use" WHERE trace IN (SELECT trace FROM survivor);
INSERT INTO fresh.interaction SELECT * FROM store.interaction WHERE trace IN (SELECT trace FROM survivor);
INSERT INTO fresh.shape SELECT * FROM store.shape WHERE id IN (SELECT shape FROM fresh.interaction);
INSERT INTO fresh.spend SELECT * FROM store.spend WHERE trace IN (SELECT trace FROM survivor);
INSERT INTO fresh.step SELECT * FROM store.step WHERE trace IN (SELECT trace FROM survivor);

-- A content stays while anybody uses it.
INSERT INTO fresh.content SELECT * FROM store.content WHERE id IN (SELECT content FROM fresh."use");

INSERT INTO fresh.other SELECT * FROM store.other WHERE time >= {before};

-- A rejected line has no time. It is as old as the line that was read before it in the same file, else the one after it, else the file.
INSERT INTO fresh.reject
WITH file AS (SELECT DISTINCT source, generation FROM store.reject),
line AS (
    SELECT source, generation, "offset", max(time) AS time
    FROM (
        SELECT source, generation, "offset", start AS time FROM store.part SEMI JOIN file USING (source, generation)
        UNION ALL SELECT source, generation, "offset", time FROM store.other SEMI JOIN file USING (source, generation)
    ) GROUP BY source, generation, "offset"
)
SELECT r.* FROM store.reject r
ASOF LEFT JOIN line earlier ON earlier.source = r.source AND earlier.generation = r.generation AND earlier."offset" <= r."offset"
ASOF LEFT JOIN line later ON later.source = r.source AND later.generation = r.generation AND later."offset" >= r."offset"
LEFT JOIN store.source s ON s.id = r.source AND s.generation = r.generation
WHERE coalesce(earlier.time, later.time, s.file_time, {before}) >= {before};
