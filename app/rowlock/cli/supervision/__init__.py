"""Keeping several processes of rowlock alive from one foreground process, and ending them together."""
