SELECT id FROM content WHERE contains(lower(body), ?)
 AND contains(translate(body, 'ABCDEFGHIJKLMNOPQRSTUVWXYZ', 'abcdefghijklmnopqrstuvwxyz'), ?)
