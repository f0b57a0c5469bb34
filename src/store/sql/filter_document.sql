SELECT id FROM content WHERE role = ? AND lower(body) LIKE ? ESCAPE '\'
 AND {exact}
