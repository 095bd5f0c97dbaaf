"""The connection that makes and drops databases: one for all of them, kept for as long as whoever made it.

To connect takes PostgreSQL 5 ms, which a test would pay for twice. A connection that has ended is replaced by the next
statement, and in a forked program so is its parent's.
"""

from __future__ import annotations

import os
import select
import threading
import weakref

import psycopg
from psycopg import sql

from rowlock.store.databases import CONNECT_SECONDS
from rowlock.store.errors import translated


class KeptConnection:
    """Opened by the first statement, in autocommit mode; any thread may use it."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._lock = threading.Lock()
        self._connection: psycopg.Connection | None = None
        self._owner = 0

    def execute(self, statement: sql.Composed) -> None:
        with self._lock, translated():
            if self._connection is None or self._owner != os.getpid() or _has_ended(self._connection):
                self._connection, self._owner = self._opened(), os.getpid()
            self._connection.execute(statement)

    def _opened(self) -> psycopg.Connection:
        connection = psycopg.connect(self._url, autocommit=True, connect_timeout=CONNECT_SECONDS)
        weakref.finalize(self, _close, connection, os.getpid())
        return connection


def _has_ended(connection: psycopg.Connection) -> bool:
    """Or is about to: a server has nothing to say to a session that rests but farewell."""
    if connection.closed:
        return True
    words = select.poll()
    words.register(connection.fileno(), select.POLLIN)
    return bool(words.poll(0))


def _close(connection: psycopg.Connection, owner: int) -> None:
    """Not in a forked program, whose farewell would end its parent's session."""
    if os.getpid() == owner:
        connection.close()
