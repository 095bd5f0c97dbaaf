"""What every benchmark stands on: a durable server of its own, and the costs of a piece of work on it."""
