"""Handlers over REST."""
