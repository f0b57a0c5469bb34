SELECT id FROM content WHERE role = 'system' AND left(sha256(body), 12) LIKE ? ESCAPE '\'
