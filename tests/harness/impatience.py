"""Doing without a database: whoever asks for a connection of the pool gives up soon.

A test of that cannot set `connect_seconds` for all its time: on a slow machine it would not even begin.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from rowlock.store.database import Database

SECONDS = 0.3


@contextmanager
def impatient(database: Database) -> Iterator[None]:
    """In the block no connection is to be had; before and after it one may take its time."""
    pool = database._pool
    assert pool is not None
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(database, "settings", database.settings.model_copy(update={"connect_seconds": SECONDS}))
        patch.setattr(pool, "timeout", SECONDS)
        patch.setattr(pool, "reconnect_timeout", SECONDS)
        yield
