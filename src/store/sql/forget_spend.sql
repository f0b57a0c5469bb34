DELETE FROM spend WHERE start BETWEEN ? AND ? AND trace IN (SELECT trace FROM temp.touched)
