"""One SQL statement a file; the head of each says what it is for, its index, its locks and its fence."""
