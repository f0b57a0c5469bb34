SELECT r.source, r.generation, r."offset", r.length, r.ordinal, r.hash, r.reason, r.detail, {bytes}, s.uri
FROM reject r LEFT JOIN source s ON s.id = r.source AND s.generation = r.generation
WHERE r.rowid IN (SELECT rowid FROM reject WHERE {condition} ORDER BY source {way}, generation {way}, "offset" {way}, ordinal {way} LIMIT {limit})
ORDER BY r.source {way}, r.generation {way}, r."offset" {way}, r.ordinal {way}
