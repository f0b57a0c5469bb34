SELECT id FROM content WHERE role = ? AND lower(body) LIKE {folded} ESCAPE '\'
 AND {exact}
