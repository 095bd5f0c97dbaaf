"""The way to PostgreSQL: one typed function for each statement, pools, errors, migrations, the embedded server."""
