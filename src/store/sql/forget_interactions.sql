DELETE FROM interaction WHERE first BETWEEN ? AND ? AND trace IN (SELECT trace FROM temp.touched)
