"""Threads for `def` handlers, others for plain steps, and what becomes of those that cannot be stopped.

A thread whose attempt is over before its function has returned is abandoned: it goes on by itself, and another thread
takes its place, so that the tasks after it do not wait. At most as many are replaced as there are threads; beyond that
each abandoned one takes a place until it returns, and the worker says so. They are daemons: a process that ends does
not wait for them.

A thread that cannot be started takes no place: what it was to run does not begin, and the worker says why. Now and then
one is tried that has nothing to do, until it starts, or another has nothing to do either.
"""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from rowlock.telemetry.metrics import process_metrics
from rowlock.worker.could_not_begin import CouldNotBegin
from rowlock.worker.lack import Lack

PAUSE_SECONDS = 3.0  # between two tries to start a thread, where none can be started


@dataclass(eq=False, slots=True)
class _Call:
    function: Callable[[], Any]
    loop: asyncio.AbstractEventLoop
    answer: asyncio.Future[Any]
    returned: bool = False
    abandoned: bool = False


class HandlerThreads:
    """At most `size` functions at once, each in a thread that is used again and again."""

    def __init__(self, size: int, *, what: str = "handler", starts_again: Callable[[], None] = lambda: None) -> None:
        """`what` its functions are, in words. `starts_again` is called when threads can be started after they could
        not, and when an abandoned one has returned a place."""
        self.size = size
        self.what = what
        self.abandoned = 0
        self._unreplaced = 0
        self._starts_again = starts_again
        self._places = asyncio.Semaphore(size)
        self._calls: queue.SimpleQueue[_Call | None] = queue.SimpleQueue()
        self._idle = threading.Semaphore(0)
        self._started = 0
        self._lack = Lack(f"Threads for {what}s", self._try_again, ended=starts_again)

    @property
    def trouble(self) -> str | None:
        """Why no thread can be started."""
        return self._lack.reason

    @property
    def left(self) -> int:
        """Places that abandoned threads have left."""
        return self.size - self._unreplaced

    async def run(self, function: Callable[[], Any], *, begin: Callable[[], None]) -> Any:
        """What the function returns, or raises. `begin` is called when there is a thread for it."""
        await self._places.acquire()
        try:
            self._have_a_thread()
        except CouldNotBegin:
            self._places.release()
            raise
        begin()
        loop = asyncio.get_running_loop()
        call = _Call(function, loop, loop.create_future())
        self._calls.put(call)
        try:
            return await call.answer
        finally:
            if call.returned:
                self._places.release()
            else:
                self._abandon(call)

    def close(self) -> None:
        """Ends the threads that have nothing to do, and lets the abandoned ones be."""
        self._lack.close()
        for _ in range(self._started):
            self._calls.put(None)

    def _have_a_thread(self) -> None:
        if self._idle.acquire(blocking=False):
            return
        name = f"rowlock-{self.what}-{self._started + 1}"
        try:
            threading.Thread(target=self._serve, name=name, daemon=True).start()
        except RuntimeError as error:
            raise CouldNotBegin(self._say_trouble(error)) from error
        self._started += 1
        self._lack.end()

    async def _try_again(self) -> None:
        with suppress(CouldNotBegin):
            self._have_a_thread()
            self._idle.release()
            self._lack.end()

    def _say_trouble(self, error: RuntimeError) -> str:
        said = (
            f"No thread can be started for a {self.what} ({error}), so what would run in one is given back: "
            "raise the limit of threads on this machine, or end what uses them up. It tries again every "
            f"{PAUSE_SECONDS:g} s, and leaves to other workers what it can."
        )
        self._lack.begin(said, pause_seconds=PAUSE_SECONDS)
        return said

    def _abandon(self, call: _Call) -> None:
        call.abandoned = True
        self._count_abandoned(+1)
        process_metrics().abandoned_attempts.labels("thread").inc()
        if self.abandoned <= self.size:
            self._places.release()
        else:
            self._unreplaced += 1

    def _serve(self) -> None:
        while (call := self._calls.get()) is not None:
            value: Any = None
            error: BaseException | None = None
            try:
                value = call.function()
            except (StopIteration, SystemExit, KeyboardInterrupt) as stopped:
                error = RuntimeError(f"The {self.what} raised {stopped!r}.")  # for no future takes it, or no event loop
                error.__cause__ = stopped
            except BaseException as raised:  # noqa: BLE001 - whatever a handler raises is its outcome
                error = raised
            self._idle.release()
            try:
                call.loop.call_soon_threadsafe(self._returned, call, value, error)
            except RuntimeError:
                return  # the loop is closed: nobody waits for the answer
            del call, value, error  # an idle thread keeps nothing alive

    def _returned(self, call: _Call, value: Any, error: BaseException | None) -> None:
        call.returned = True
        if call.abandoned:
            self._count_abandoned(-1)
            if self._unreplaced:
                self._unreplaced -= 1
                self._places.release()
                self._starts_again()
        elif not call.answer.done():
            if error is None:
                call.answer.set_result(value)
            else:
                call.answer.set_exception(error)

    def _count_abandoned(self, change: int) -> None:
        self.abandoned += change
        process_metrics().worker_abandoned_threads.inc(change)
