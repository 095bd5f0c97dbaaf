"""What a worker asks of the database in its rounds, and what it says when nothing comes back.

Nothing bounds how long an answer may take: a table may be locked, a disk stand still, and a COMMIT wait for a
synchronous standby that is away. A worker that merely waits would show as healthy for as long.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rowlock.domain.errors import DatabaseUnavailable
from rowlock.domain.trouble import Trouble
from rowlock.store.refusals import refusing
from rowlock.telemetry.condition import Condition

SHORTEST_PATIENCE_SECONDS = 3.0  # for whom the lock of a lane is held for two is not in trouble
LATE_SECONDS = 0.5  # by so much an event loop is late that a handler has blocked


@contextmanager
def asking(condition: Condition, duty: str, *, patience_seconds: float) -> Iterator[None]:
    """The duty is in trouble while the block waits for longer than that. Whoever says that it is well again knows it by
    the answer. A refusal is the domain's error, whatever it is."""
    patience = max(patience_seconds, SHORTEST_PATIENCE_SECONDS)

    def tell() -> None:
        condition.troubled(duty, _silence(patience))

    timer = _Timer(patience, tell)
    try:
        with refusing():
            yield
    finally:
        timer.cancel()


class _Timer:
    """Tells after so many seconds of an event loop that turns, so that one which stood still does not take that for the
    database's silence: when it turns again, timers may come before an answer that has long been there."""

    __slots__ = ("_due", "_loop", "_running", "_seconds", "_tell")

    def __init__(self, seconds: float, tell: Callable[[], None]) -> None:
        self._seconds = seconds
        self._tell = tell
        self._loop = asyncio.get_running_loop()
        self._start()

    def cancel(self) -> None:
        self._running.cancel()

    def _start(self) -> None:
        self._due = self._loop.time() + self._seconds
        self._running = self._loop.call_at(self._due, self._end)

    def _end(self) -> None:
        if self._loop.time() - self._due < LATE_SECONDS:
            self._tell()
        else:
            self._start()


def _silence(seconds: float) -> DatabaseUnavailable:
    return DatabaseUnavailable(
        f"The database has not answered for {seconds:g} s and longer: see whether rowlock's tables are locked, "
        "its disk stands still, or a synchronous standby is away.",
        trouble=Trouble.NO_ANSWER,
    )
