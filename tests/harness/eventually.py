"""Waiting for a state, never for a time: `await eventually(task_is("dead"))`.

A condition that holds at once costs nothing; the pauses between two looks grow from 2 to 100 ms.
"""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import TypeVar, cast, overload

T = TypeVar("T")

FIRST_PAUSE = 0.002
LONGEST_PAUSE = 0.1
GROWTH = 1.5
PATIENCE = timedelta(seconds=20)


@overload
async def eventually(condition: Callable[[], Awaitable[T]], *, within: timedelta = PATIENCE) -> T: ...
@overload
async def eventually(condition: Callable[[], T], *, within: timedelta = PATIENCE) -> T: ...
async def eventually(condition: Callable[[], Awaitable[T] | T], *, within: timedelta = PATIENCE) -> T:
    """The condition's first true value; fails with its last one when none comes in time."""
    patience = _Patience(condition, within)
    while True:
        value = condition()
        if inspect.isawaitable(value):
            value = await value
        if value:
            return cast(T, value)
        await asyncio.sleep(patience.next_pause(value))


def eventually_sync(condition: Callable[[], T], *, within: timedelta = PATIENCE) -> T:
    """`eventually` for a test without an event loop."""
    patience = _Patience(condition, within)
    while not (value := condition()):
        time.sleep(patience.next_pause(value))
    return value


class _Patience:
    def __init__(self, condition: Callable[[], object], within: timedelta) -> None:
        self.name = getattr(condition, "__qualname__", repr(condition))
        self.within_seconds = within.total_seconds()
        self.deadline = time.monotonic() + self.within_seconds
        self.pause = FIRST_PAUSE

    def next_pause(self, value: object) -> float:
        """Seconds until the next look, of which the last comes at the deadline itself."""
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise AssertionError(
                f"{self.name} did not come true within {self.within_seconds:g} s: its last value was {value!r}."
            )
        self.pause = min(self.pause * GROWTH, LONGEST_PAUSE)
        return min(self.pause, left)
