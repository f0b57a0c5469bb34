DELETE FROM step WHERE start BETWEEN ? AND ? AND trace IN (SELECT trace FROM temp.touched)
