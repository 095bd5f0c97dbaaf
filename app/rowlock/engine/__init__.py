"""What the system does, in its own words: enqueue, claim, finish, rescue, fire, elect, retain."""
