"""psycopg's pool, which takes a cancellation for a connection that failed, made to heed it.

Without that, `asyncio.run` waits for ever at its end where a connection was just being made: it cancels the pool's
worker, and the worker goes on to the next thing in its queue.
"""

from __future__ import annotations

import asyncio
from typing import Any

from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from rowlock.store.links import Row


class Pool(AsyncConnectionPool[AsyncConnection[Row]]):
    """The pool of one event loop."""

    @classmethod
    async def worker(cls, q: Any) -> None:  # Any: the queue of psycopg's own tasks
        await super().worker(_HeedingQueue(q))  # type: ignore[arg-type]


class _HeedingQueue:
    """Gives a cancelled worker nothing more to do."""

    def __init__(self, queue: Any) -> None:
        self._queue = queue

    async def get(self) -> Any:
        worker = asyncio.current_task()
        if worker is not None and worker.cancelling():
            raise asyncio.CancelledError
        return await self._queue.get()
