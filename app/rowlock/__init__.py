"""rowlock: a durable job system whose only server is PostgreSQL."""
