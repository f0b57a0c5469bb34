-- What input means, by dialect and by what decided it. The first parameters are the bits of `inferred` for figures and for the user.
SELECT dialect, convention, (inferred & CAST(? AS UINTEGER)) <> 0 AS figures, (inferred & CAST(? AS UINTEGER)) <> 0 AS user_set, count(*)
FROM part WHERE coalesce(input, cache_read, cache_write, cache_write_1h, output) IS NOT NULL
    AND trace IN (SELECT trace FROM interaction WHERE {scope})
GROUP BY ALL ORDER BY dialect, convention, figures, user_set
