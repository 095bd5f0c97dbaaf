"""The floor: rowlock's own statements without rowlock around them, by pgbench, or by the thinnest loop.

What separates a worker's cost from the floor's is what the worker adds.
"""
