trace IN (SELECT u.trace FROM "use" u WHERE u.content IN (SELECT id FROM content WHERE contains(lower(body), ?)
 AND contains(translate(body, 'ABCDEFGHIJKLMNOPQRSTUVWXYZ', 'abcdefghijklmnopqrstuvwxyz'), ?)))
