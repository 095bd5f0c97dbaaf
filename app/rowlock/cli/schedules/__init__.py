"""What the commands of `rowlock schedules` are made of."""
