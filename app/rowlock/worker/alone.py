"""Tasks that run alone: the last attempt of those of which an earlier one ended with its worker.

When a worker dies, all that ran in it is under suspicion; what ran alone is to blame. So such an attempt waits until
nothing else runs here, and while it waits the worker claims nothing. The worker's patience ends when nobody has had a
turn for so long. Then who waits is put off, the worker claims for ten times as long, and is twice as patient the next
time: a fleet that is busy with long tasks loses a tenth of its time at most, and such a task has its turn in the end.
Where nothing else runs it always begins at once.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

SHARE = 10  # of the time that waiting may take, one in so many


class Turns:
    """Who runs alone next. `held` counts the attempts of the worker, those that wait here among them."""

    def __init__(
        self,
        held: Callable[[], int],
        *,
        patience_seconds: float,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._held = held
        self._patience_seconds = patience_seconds
        self._monotonic = monotonic
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._taken = False
        self._not_before = float("-inf")
        self._moved_at = float("-inf")

    @property
    def pending(self) -> bool:
        """Whether an attempt runs alone or waits to: then nothing else is begun."""
        return self._taken or bool(self._waiting)

    @asynccontextmanager
    async def alone(self) -> AsyncIterator[bool]:
        """The block runs with nothing beside it, if it is given True; with False its time has not come."""
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        mine = False
        try:
            mine = await self._wait(turn)
            yield mine
        finally:
            if mine:
                self._taken = False
                self.move()

    def move(self) -> None:
        """Lets the next one begin, if nothing else runs."""
        if self._waiting and self._nothing_else_runs(waiting=len(self._waiting)):
            self._taken = True
            self._moved_at = self._monotonic()
            self._waiting.popleft().set_result(None)

    def _nothing_else_runs(self, *, waiting: int) -> bool:
        return not self._taken and self._held() == waiting

    async def _wait(self, turn: asyncio.Future[None]) -> bool:
        if self._monotonic() < self._not_before and not self._nothing_else_runs(waiting=len(self._waiting) + 1):
            return False  # else there is nothing to wait for
        if not self.pending:
            self._moved_at = self._monotonic()
        patience = self._patience_seconds
        self._waiting.append(turn)
        self.move()
        begun = False
        try:
            while not turn.done():
                left = self._moved_at + patience - self._monotonic()
                if left <= 0:
                    self._lose_patience()
                    return False
                await asyncio.wait([turn], timeout=left)
            begun = True
        finally:
            if not begun:
                self._leave(turn)
        return begun

    def _leave(self, turn: asyncio.Future[None]) -> None:
        if turn.done():  # it was given the turn at the moment in which it left
            self._taken = False
        else:
            self._waiting.remove(turn)
        self.move()

    def _lose_patience(self) -> None:
        if self._taken:
            return  # nothing but the line itself is slow: another worker may be quicker
        if self._monotonic() >= self._not_before:  # else another one that waited has said so already
            self._not_before = self._monotonic() + SHARE * self._patience_seconds
            self._patience_seconds *= 2
