SELECT id FROM content WHERE contains(lower(body), ?)
 AND {exact}
