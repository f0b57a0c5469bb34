-- What a purge left out: interactions, and lines of which nothing is kept.
SELECT
    (SELECT count(*) FROM store.interaction) - (SELECT count(*) FROM fresh.interaction),
    (SELECT count(*) FROM (
        SELECT source, generation, "offset" FROM store.part UNION SELECT source, generation, "offset" FROM store.other
        UNION SELECT source, generation, "offset" FROM store.reject
    )) - (SELECT count(*) FROM (
        SELECT source, generation, "offset" FROM fresh.part UNION SELECT source, generation, "offset" FROM fresh.other
        UNION SELECT source, generation, "offset" FROM fresh.reject
    ))
