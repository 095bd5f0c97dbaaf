"""Child processes for `def` handlers that are to end by their timeout.

A child whose attempt is over before its function has returned is killed, and another takes its place. The pool that
does so is pebble's, which counts by a clock that can be set; so no timeout is left to it.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Collection
from typing import TYPE_CHECKING, Any

from rowlock.worker.child import answer_in_child, result_of, start_child

if TYPE_CHECKING:
    from pebble import ProcessPool

LOOK_SECONDS = 0.05  # between two looks whether a child has begun the function, of which the pool does not tell


class ProcessDied(Exception):
    """The child process ended without an answer: killed, out of memory, or by os._exit."""


class HandlerProcesses:
    """At most `size` functions at once, each in a child process that is used again and again."""

    def __init__(self, size: int, *, preload: Collection[str] = ()) -> None:
        """`preload` names the modules that child processes load when they start."""
        self._size = size
        self._preload = sorted(preload)
        self._places = asyncio.Semaphore(size)
        self._pool: ProcessPool | None = None

    async def run(self, call: bytes, *, begin: Callable[[], None], begun: Callable[[], None]) -> Any:
        """What the function returns, or raises. `begin` is called when there is a place for it, and `begun` when a
        child has begun it: before that one may have to start, or to be killed."""
        async with self._places:
            begin()
            return result_of(await self._answer(call, begun))

    def close(self) -> None:
        """Ends the children."""
        if self._pool is not None:
            self._pool.stop()
            self._pool.join(timeout=5)

    async def _answer(self, call: bytes, begun: Callable[[], None]) -> bytes:
        # Loaded by their first use: most workers have no such handlers.
        import multiprocessing

        from pebble import ProcessExpired, ProcessPool

        if self._pool is None:
            # Not fork: the worker has threads and open connections.
            self._pool = ProcessPool(
                self._size,
                initializer=start_child,
                initargs=(list(sys.path), self._preload),
                context=multiprocessing.get_context("spawn"),
            )
        future = self._pool.schedule(answer_in_child, args=(call,))
        answer: asyncio.Future[bytes] = asyncio.wrap_future(future)
        try:
            while not future.running() and not answer.done():
                await asyncio.wait([answer], timeout=LOOK_SECONDS)
            begun()
            return await answer
        except ProcessExpired as error:
            raise ProcessDied(
                f"The child process ended with exit code {error.exitcode} and without an answer."
            ) from error
        finally:
            answer.cancel()  # where it has not come, the pool kills the child
