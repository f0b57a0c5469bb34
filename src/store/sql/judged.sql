SELECT feature, start, CAST(cost AS HUGEINT), trace FROM interaction WHERE cost IS NOT NULL AND {condition} AND start < ?
