SELECT r.*, s.uri FROM reject r LEFT JOIN source s ON s.id = r.source AND s.generation = r.generation
ORDER BY r.source DESC, r.generation DESC, r."offset" DESC, r.ordinal DESC LIMIT ?
