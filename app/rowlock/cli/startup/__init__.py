"""`rowlock up`: claim the place, start PostgreSQL, migrate, make a key, run the servers, say where to look."""
