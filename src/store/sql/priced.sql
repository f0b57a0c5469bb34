SELECT feature, count(*) FROM interaction WHERE start < ? GROUP BY feature ORDER BY feature
