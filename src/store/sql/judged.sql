SELECT trace, cost > 2 * usual AS dear FROM (
    SELECT trace, cost, quantile_disc(cost, 0.5) OVER before AS usual, count(cost) OVER before AS samples FROM interaction WHERE cost IS NOT NULL
    WINDOW before AS (PARTITION BY feature ORDER BY start RANGE BETWEEN 604800000000000 PRECEDING AND 1 PRECEDING)
) WHERE samples >= 20
