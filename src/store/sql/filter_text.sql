SELECT id FROM content WHERE contains(lower(body), {folded})
 AND {exact}
