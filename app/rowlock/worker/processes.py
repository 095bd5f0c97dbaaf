"""Child processes for `def` handlers that are to end by their timeout.

A child whose attempt is over before its function has returned is killed, and another takes its place.

A pool of them that breaks, as when an idle child is killed, is left for a new one; what had not begun begins there, and
no attempt is spent. Where the new one breaks too before anything has begun in it, children do not start: what would run
in one is given back, and the worker says why. Now and then one is tried that has nothing to do, until it starts.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection
from contextlib import suppress
from functools import partial
from typing import Any

from rowlock.telemetry.logs import get_logger
from rowlock.worker.child import NOTHING, result_of
from rowlock.worker.could_not_begin import CouldNotBegin
from rowlock.worker.lack import Lack
from rowlock.worker.pool import Pool, PoolBroken, ProcessDied

PAUSE_SECONDS = 10.0  # between two tries to start children, where they do not start

log = get_logger("rowlock.worker")


class HandlerProcesses:
    """At most `size` functions at once, each in a child process that is used again and again."""

    def __init__(
        self, size: int, *, preload: Collection[str] = (), starts_again: Callable[[], None] = lambda: None
    ) -> None:
        """`preload` names the modules that child processes load when they start. `starts_again` is called when they do
        after they did not."""
        self.size = size
        self._lack = Lack("Child processes", self._try_again, ended=starts_again)
        self._new_pool = partial(Pool, size, sorted(preload))
        self._pool: Pool | None = None
        self._places = asyncio.Semaphore(size)
        self._broken = 0  # so many pools, one after the other, since a function has begun in one

    @property
    def trouble(self) -> str | None:
        """Why children do not start."""
        return self._lack.reason

    async def run(self, call: bytes, *, begin: Callable[[], None], begun: Callable[[], None]) -> Any:
        """What the function returns, or raises. `begin` is called when there is a place for it, and `begun` when a
        child has begun it: before that one may have to start, or to be killed."""

        def works() -> None:
            self._broken = 0
            begun()

        async with self._places:
            begin()
            while True:
                if self.trouble is not None:
                    raise CouldNotBegin(self.trouble)
                pool = self._pool = self._pool or self._new_pool()
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
        self._lack.close()
        if self._pool is not None:
            self._pool.end()

    async def _leave(self, pool: Pool, cause: str) -> None:
        """Others that waited for it may have left it already."""
        if self._pool is not pool:
            return
        self._pool = None
        self._broken += 1
        if self._broken > 1:
            self._say_trouble(cause)
        try:
            await asyncio.to_thread(pool.end)
        except RuntimeError as error:
            log.warning("A pool of child processes that broke could not be ended.", error=str(error))

    def _say_trouble(self, cause: str) -> None:
        said = (
            f"No child process starts for a handler ({cause}), so what would run in one is given back, and nothing is "
            "claimed from queues whose handlers all run in one: the worker's standard error may say more. It tries "
            f"again every {PAUSE_SECONDS:g} s."
        )
        self._lack.begin(said, pause_seconds=PAUSE_SECONDS)

    async def _try_again(self) -> None:
        pool = self._pool = self._new_pool()
        with suppress(Exception):  # whatever else becomes of it: it had started
            try:
                await pool.answer(NOTHING, self._recover)
            except PoolBroken as error:
                await self._leave(pool, str(error))

    def _recover(self) -> None:
        self._broken = 0
        self._lack.end()
