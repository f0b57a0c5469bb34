SELECT trace, trace_id FROM interaction WHERE starts_with(trace_id, ?) OR starts_with(trace_id, ?) ORDER BY start DESC, place DESC LIMIT 20
