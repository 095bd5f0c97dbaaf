"""What rowlock tells of itself: logs, metrics and traces. It reads no database, changes no task."""
