SELECT trace, span_id FROM (SELECT trace, span_id, coalesce(
    CASE WHEN json_type(attributes, ?) NOT IN ('OBJECT', 'ARRAY', 'NULL') THEN json_extract_string(attributes, ?) END,
    CASE WHEN json_type(attributes, ?) NOT IN ('OBJECT', 'ARRAY', 'NULL') THEN json_extract_string(attributes, ?) END
 ) AS value FROM part WHERE attributes IS NOT NULL AND contains(attributes, ?))
 WHERE value IS NOT NULL AND lower(value) LIKE {folded} ESCAPE '\'
 AND {exact}
