SELECT feature, count(*) FROM interaction WHERE cost IS NOT NULL AND start < ? GROUP BY feature ORDER BY feature
