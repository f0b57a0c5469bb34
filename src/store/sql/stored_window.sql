-- The time that the stored parts of the touched traces span.
SELECT min(least(first, start)), max(last), count(*) FROM interaction SEMI JOIN temp.touched USING (trace)
