"""The commands, one module for each group. A call loads the one that it names, and that imports what it needs."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import typer

NAMES = (
    "up", "api", "worker", "scheduler", "mcp", "migrate", "maintain",
    "enqueue", "watch", "tasks", "dead-letters", "queues", "schedules",
    "workers", "handlers", "keys", "doctor", "psql", "version",
)  # fmt: skip
"""In the order in which help lists them."""


def load_command(name: str) -> Any:  # typer's own kind of command, to which it gives no public name
    """The command, or the group of commands, of that name."""
    alone = typer.Typer(rich_markup_mode=None)  # plain help is narrow, and costs a third of the time
    import_module(f"{__name__}.{name.replace('-', '_')}").register(alone)
    return typer.main.get_group(alone).commands[name]
