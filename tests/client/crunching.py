"""Handlers that run in child processes: they must be importable by name."""

from __future__ import annotations

import os

from rowlock import Context, Rowlock

opened: list[str] = []  # by a lifespan


def what_is_open() -> list[str]:
    return opened


def crunch(ctx: Context, number: int) -> dict[str, int]:
    """Says where and as what it ran."""
    return {"square": number * number, "pid": os.getpid(), "attempt": ctx.attempt}


def crunch_and_enqueue(url: str) -> str:
    """Enqueues from the child, as a handler in the worker would."""
    app = Rowlock(database_url=url)
    try:
        return str(app.enqueue_sync("leaf", {"number": 1}).id)
    finally:
        app.close_sync()
