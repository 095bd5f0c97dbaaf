"""A pool of child processes: pebble's, which counts by a clock that can be set, so no timeout is left to it.

Nor can it take back a call that lies ready for a child, which may be starting yet. So each call has a number, which the
child must find among those that are wanted before it begins.

It breaks, for good, when a child dies while no function runs in any, and when a child cannot be started.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from itertools import count
from typing import TYPE_CHECKING, Any

from rowlock.domain.error_text import error_text
from rowlock.telemetry.logs import configured_logging
from rowlock.worker.child import answer_in_child, start_child

if TYPE_CHECKING:
    from pebble import ProcessPool

LOOK_SECONDS = 0.05  # between two looks whether a child has begun the function, of which pebble does not tell
LATER_SECONDS = 1.0  # between two looks, afterwards, whether the pool still works
LONGEST_WHY_BYTES = 2_000
NO_CALL = 0


class ProcessDied(Exception):
    """The child process ended without an answer: killed, out of memory, or by os._exit."""


class PoolBroken(Exception):
    """The pool runs nothing any more; `begun` says whether the function was running."""

    def __init__(self, cause: str, *, begun: bool) -> None:
        super().__init__(cause)
        self.begun = begun


class Pool:
    """Children are started by the first call."""

    def __init__(self, size: int, preload: Sequence[str]) -> None:
        self._size = size
        self._preload = list(preload)
        self._pebble: ProcessPool | None = None
        self._why: Any = None  # shared with the children: why one of them did not start
        self._wanted: Any = None  # shared with them too: the numbers of the calls that are wanted, each in its place
        self._places = list(range(size + 1))  # those that are free; one is for a call that tries whether a child starts
        self._numbers = count(NO_CALL + 1)

    async def answer(self, call: bytes, begun: Callable[[], None]) -> bytes:
        """What the child answers; `begun` is called when it has begun. A child whose answer nobody waits for any more
        is killed, and one that has not begun does not begin."""
        place = self._places.pop()
        try:
            return await self._answer(call, place, begun)
        finally:
            if self._wanted is not None:
                self._wanted[place] = NO_CALL
            self._places.append(place)

    async def _answer(self, call: bytes, place: int, begun: Callable[[], None]) -> bytes:
        # Loaded by their first use: most workers have no such handlers.
        from concurrent.futures.process import BrokenProcessPool

        from pebble import ProcessExpired

        pool, future = self._schedule(call, place)
        answer = asyncio.wrap_future(future)
        has_begun = False
        try:
            while not future.done() and pool.active:
                await asyncio.wait([answer], timeout=LATER_SECONDS if has_begun else LOOK_SECONDS)
                if not has_begun and future.running():
                    has_begun = True
                    begun()
            if not future.done():  # it came when the pool broke, and was forgotten
                raise BrokenProcessPool("The pool has ended")
            if not has_begun and not isinstance(future.exception(), BrokenProcessPool):
                begun()  # between two looks
            return await answer
        except ProcessExpired as error:
            raise ProcessDied(
                f"The child process ended with exit code {error.exitcode} and without an answer."
            ) from error
        except BrokenProcessPool as error:
            raise PoolBroken(self._cause(error), begun=has_begun) from error
        finally:
            answer.cancel()

    def end(self) -> None:
        """Ends the children, which may take seconds if they do not heed their signal."""
        if self._pebble is not None:
            self._pebble.stop()
            self._pebble.join()

    def _schedule(self, call: bytes, place: int) -> tuple[ProcessPool, Future[bytes]]:
        try:
            pool = self._pebble = self._pebble or self._made()
            number = self._wanted[place] = next(self._numbers)
            return pool, pool.schedule(answer_in_child, args=(call, place, number))
        except (RuntimeError, OSError) as error:  # it is broken already, or there is no process, thread or file for it
            raise PoolBroken(self._cause(error), begun=False) from error

    def _made(self) -> ProcessPool:
        import multiprocessing

        from pebble import ProcessPool

        context = multiprocessing.get_context("spawn")  # not fork: the worker has threads and open connections
        self._why = context.RawArray("c", LONGEST_WHY_BYTES)
        self._wanted = context.RawArray("Q", self._size + 1)
        arguments = (list(sys.path), self._preload, configured_logging(), self._why, self._wanted)
        return ProcessPool(self._size, initializer=start_child, initargs=arguments, context=context)

    def _cause(self, error: BaseException) -> str:
        told = b"" if self._why is None else self._why.value
        return told.decode(errors="replace") or error_text(error.__cause__ or error)
