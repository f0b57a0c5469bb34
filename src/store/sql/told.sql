-- The records of the interactions that use a content of temp.meant, and the contents each of them lists.
SELECT trace, span_id, contents FROM part
WHERE contents IS NOT NULL AND trace IN (SELECT u.trace FROM "use" u WHERE u.content IN (SELECT content FROM temp.meant))
