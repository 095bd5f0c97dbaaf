"""Child processes for `def` handlers that are to end by their timeout.

A child whose attempt is over before its function has returned is killed, and another takes its place.

A pool of them that breaks, as when an idle child is killed, is left for a new one; what had not begun begins there, and
no attempt is spent. Where the new one breaks too before anything has begun in it, children do not start: for a while
none is tried, what would run in one is given back, and the worker says why.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Collection
from functools import partial
from typing import Any

from rowlock.telemetry.logs import get_logger
from rowlock.worker.child import result_of
from rowlock.worker.could_not_begin import CouldNotBegin
from rowlock.worker.pool import Pool, PoolBroken, ProcessDied

PAUSE_SECONDS = 10.0  # between two tries to start children, where they do not start

log = get_logger("rowlock.worker")


class HandlerProcesses:
    """At most `size` functions at once, each in a child process that is used again and again."""

    def __init__(self, size: int, *, preload: Collection[str] = ()) -> None:
        """`preload` names the modules that child processes load when they start."""
        self.trouble: str | None = None  # why children do not start
        self._new_pool = partial(Pool, size, sorted(preload))
        self._pool: Pool | None = None
        self._places = asyncio.Semaphore(size)
        self._broken = 0  # so many pools, one after the other, since a function has begun in one
        self._not_before = float("-inf")

    async def run(self, call: bytes, *, begin: Callable[[], None], begun: Callable[[], None]) -> Any:
        """What the function returns, or raises. `begin` is called when there is a place for it, and `begun` when a
        child has begun it: before that one may have to start, or to be killed."""

        def works() -> None:
            self._broken, self.trouble = 0, None
            begun()

        async with self._places:
            begin()
            while True:
                pool = self._pool = self._pool or self._start()
                try:
                    answer = await pool.answer(call, works)
                except PoolBroken as error:
                    await self._leave(pool, str(error))
                    if error.begun:
                        raise ProcessDied(f"The child process was ended with its pool, which broke: {error}") from error
                else:
                    return result_of(answer)

    def close(self) -> None:
        """Ends the children."""
        if self._pool is not None:
            self._pool.end()

    def _start(self) -> Pool:
        if self.trouble is not None and time.monotonic() < self._not_before:
            raise CouldNotBegin(self.trouble)
        return self._new_pool()

    async def _leave(self, pool: Pool, cause: str) -> None:
        """Others that waited for it may have left it already."""
        if self._pool is not pool:
            return
        self._pool = None
        self._broken += 1
        if self._broken > 1:
            self._not_before = time.monotonic() + PAUSE_SECONDS
            self._say_trouble(cause)
        try:
            await asyncio.to_thread(pool.end)
        except RuntimeError as error:
            log.warning("A pool of child processes that broke could not be ended.", error=str(error))

    def _say_trouble(self, cause: str) -> None:
        said = (
            f"No child process starts for a handler ({cause}), so what would run in one is given back: the worker's "
            f"standard error may say more. It tries again every {PAUSE_SECONDS:g} s."
        )
        if self.trouble is None:
            log.error(said)
        self.trouble = said
