"""For the tests of applications: run tasks inline, drain them with a real worker, ask what was enqueued.

`inline(app)` needs no database: every enqueue runs its handler at once. `drain(app)` runs a real worker against the
application's database until nothing is due, `advance` moving the database's clock; the pytest plugin's fixture
`rowlock_database_url` gives each test such a database, and `on_database(app, url)` points the application to it.

The names below are loaded when they are first used: the plugin is loaded by every pytest run on the machine.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rowlock.testing.clock import advance_clock
    from rowlock.testing.draining import drain, drain_sync
    from rowlock.testing.inline_block import Inline, inline
    from rowlock.testing.inline_tasks import InlineTask
    from rowlock.testing.lookup import enqueued
    from rowlock.testing.pointing import on_database

__all__ = [
    "Inline",
    "InlineTask",
    "advance_clock",
    "drain",
    "drain_sync",
    "enqueued",
    "inline",
    "on_database",
]

_HOMES = {
    "Inline": "inline_block",
    "InlineTask": "inline_tasks",
    "advance_clock": "clock",
    "drain": "draining",
    "drain_sync": "draining",
    "enqueued": "lookup",
    "inline": "inline_block",
    "on_database": "pointing",
}


def __getattr__(name: str) -> Any:  # PEP 562
    if name not in _HOMES:
        raise AttributeError(f"module 'rowlock.testing' has no attribute {name!r}")
    value = getattr(import_module(f"rowlock.testing.{_HOMES[name]}"), name)
    globals()[name] = value
    return value
