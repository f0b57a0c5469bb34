SELECT trace, start, cost > 2 * usual AS dear, CASE WHEN recent < 20 THEN -1 WHEN spent > 2 * usual * recent THEN 1 ELSE 0 END AS rising FROM (
    SELECT trace, start, cost, quantile_disc(cost, 0.5) OVER before AS usual, count(cost) OVER before AS samples,
        sum(cost) OVER hour AS spent, count(cost) OVER hour AS recent
    FROM interaction WHERE cost IS NOT NULL
    WINDOW before AS (PARTITION BY feature ORDER BY start RANGE BETWEEN 604800000000000 PRECEDING AND 1 PRECEDING),
        hour AS (PARTITION BY feature ORDER BY start RANGE BETWEEN 3599999999999 PRECEDING AND CURRENT ROW)
) WHERE samples >= 20
