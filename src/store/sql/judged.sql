SELECT feature, start, cost, trace FROM interaction WHERE {condition}
