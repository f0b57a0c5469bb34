SELECT {column}, count(*) FROM interaction WHERE {column} <> '' AND contains(lower({column}), lower(?))
GROUP BY {column} ORDER BY count(*) DESC, {column} LIMIT ?
