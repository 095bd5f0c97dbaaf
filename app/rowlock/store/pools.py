"""psycopg's pools, with three things that a database that goes away needs, and one for speed.

A connection that was cut while it lay idle is found out before it is handed on, so that its next user is not told that
the outcome is unknown. Whoever gets no connection is told why none could be made, and within a second while the last
attempt to make one has failed. And a cancellation is heeded, which psycopg's asynchronous pool takes for a connection
that failed: without that, `asyncio.run` waits for ever at its end where a connection was just being made.

Who gives a connection back last, gives it to the next: its server process has just worked, and is quicker than one that
has slept. Going round, as psycopg does, makes a single enqueue an eighth slower, and wakes connections nobody needs.
"""

from __future__ import annotations

import asyncio
import os
from typing import Any

import psycopg
from psycopg_pool import AsyncConnectionPool, ConnectionPool, PoolTimeout

from rowlock.store.connections import Connection, Row
from rowlock.store.links import has_heard

HOPELESS_SECONDS = 1.0


class Pool(AsyncConnectionPool[Connection]):
    """The pool of one event loop."""

    failure: psycopg.Error | None = None

    async def getconn(self, timeout: float | None = None) -> Connection:  # noqa: ASYNC109 - psycopg's
        try:
            connection = await super().getconn(_patience(self.failure, timeout, self.timeout))
        except PoolTimeout as error:
            raise _reason(self.failure, error) from error
        self.failure = None
        return connection

    async def _get_ready_connection(self, timeout: float | None) -> Connection | None:  # noqa: ASYNC109
        self._pool.rotate()  # psycopg takes the first
        return await super()._get_ready_connection(timeout)

    async def _connect(self, timeout: float | None = None) -> Connection:  # noqa: ASYNC109
        try:
            connection = await super()._connect(timeout)
        except psycopg.Error as error:
            self.failure = error
            raise
        self.failure = None
        return connection

    @classmethod
    async def worker(cls, q: Any) -> None:  # Any: the queue of psycopg's own tasks
        await super().worker(_HeedingQueue(q))  # type: ignore[arg-type]


class SyncPool(ConnectionPool[psycopg.Connection[Row]]):
    """The pool of a program without an event loop."""

    failure: psycopg.Error | None = None

    def __init__(self, *arguments: Any, **options: Any) -> None:
        self._made_by = os.getpid()
        super().__init__(*arguments, **options)

    def __del__(self) -> None:
        if os.getpid() == self._made_by:  # what a fork has copied has no threads to end
            super().__del__()

    def getconn(self, timeout: float | None = None) -> psycopg.Connection[Row]:
        try:
            connection = super().getconn(_patience(self.failure, timeout, self.timeout))
        except PoolTimeout as error:
            raise _reason(self.failure, error) from error
        self.failure = None
        return connection

    def _get_ready_connection(self, timeout: float | None) -> psycopg.Connection[Row] | None:
        self._pool.rotate()
        return super()._get_ready_connection(timeout)

    def _connect(self, timeout: float | None = None) -> psycopg.Connection[Row]:
        try:
            connection = super()._connect(timeout)
        except psycopg.Error as error:
            self.failure = error
            raise
        self.failure = None
        return connection


async def check_if_it_was_cut(connection: Connection) -> None:
    """Raises where an idle connection has heard something that turns out to be its end. Costs no round trip else."""
    if has_heard(connection):
        await AsyncConnectionPool.check_connection(connection)


def check_if_it_was_cut_sync(connection: psycopg.Connection[Row]) -> None:
    if has_heard(connection):
        ConnectionPool.check_connection(connection)


def _patience(failure: psycopg.Error | None, timeout: float | None, default: float) -> float:
    seconds = default if timeout is None else timeout
    return seconds if failure is None else min(seconds, HOPELESS_SECONDS)


def _reason(failure: psycopg.Error | None, timeout: PoolTimeout) -> psycopg.Error | PoolTimeout:
    return timeout if failure is None else psycopg.OperationalError(str(failure))


class _HeedingQueue:
    """Gives a cancelled worker nothing more to do."""

    def __init__(self, queue: Any) -> None:
        self._queue = queue

    async def get(self) -> Any:
        worker = asyncio.current_task()
        if worker is not None and worker.cancelling():
            raise asyncio.CancelledError
        return await self._queue.get()
