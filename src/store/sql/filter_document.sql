SELECT id FROM content WHERE role = ? AND lower(body) LIKE ? ESCAPE '\'
 AND translate(body, 'ABCDEFGHIJKLMNOPQRSTUVWXYZ', 'abcdefghijklmnopqrstuvwxyz') LIKE ? ESCAPE '\'
