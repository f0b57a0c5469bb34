trace IN (SELECT u.trace FROM "use" u WHERE u.content IN (SELECT id FROM content WHERE role = 'system' AND left(sha256(body), 12) LIKE ? ESCAPE '\'))
