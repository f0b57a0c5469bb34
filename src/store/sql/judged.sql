SELECT feature, start, cost, trace FROM interaction WHERE cost IS NOT NULL AND {condition} AND start < ?
