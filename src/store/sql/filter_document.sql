trace IN (SELECT u.trace FROM "use" u WHERE u.content IN (SELECT id FROM content WHERE role = ? AND lower(body) LIKE ? ESCAPE '\'
 AND translate(body, 'ABCDEFGHIJKLMNOPQRSTUVWXYZ', 'abcdefghijklmnopqrstuvwxyz') LIKE ? ESCAPE '\'))
