"""The commands, one module for each group. Each imports what it needs when it runs."""

from __future__ import annotations

from importlib import import_module

import typer

MODULES = (
    "up", "api", "worker", "scheduler", "mcp", "migrate", "maintain",
    "enqueue", "watch", "tasks", "dead_letters", "queues", "schedules",
    "workers", "handlers", "keys", "doctor", "psql", "version",
)  # fmt: skip


def register_commands(program: typer.Typer) -> None:
    """Adds every command to the program, in the order in which help lists them."""
    for name in MODULES:
        import_module(f"{__name__}.{name}").register(program)
