"""Decisions without input or output: states, retries, triggers, bounds, ids, errors."""
