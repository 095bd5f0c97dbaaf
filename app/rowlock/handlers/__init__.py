"""Handlers: the functions that run tasks, their arguments, and the context that they may take."""
