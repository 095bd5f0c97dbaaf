"""How long it took until rowlock had recovered, by kind of loss: what the bars of docs/reliability.md are about.

A measurement counts only where nothing else was broken at the same time, so that it says something of one loss.
"""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable

import psycopg

LOOK_SECONDS = 0.05
PATIENCE_SECONDS = 60.0


class Recovery:
    """The measurements of one history. `faults_at_work` says how many faults are at work at this moment."""

    def __init__(self, faults_at_work: Callable[[], int]) -> None:
        self.seconds: dict[str, list[float]] = defaultdict(list)
        self._faults_at_work = faults_at_work

    @property
    def undisturbed(self) -> bool:
        return self._faults_at_work() <= 1

    def note(self, name: str, figure: float) -> None:
        """A figure that was come by otherwise."""
        if self.undisturbed:
            self.seconds[name].append(figure)

    async def measure(self, name: str, condition: Callable[[], Awaitable[bool]], *, beyond: float = 0) -> None:
        """Waits for the condition, and keeps how long that took, unless another fault disturbed it.

        Of it only what lies `beyond` so many seconds counts, which are those of a lease.
        """
        began = time.monotonic()
        undisturbed = self.undisturbed
        while not await _holds(condition) and time.monotonic() - began < PATIENCE_SECONDS:
            undisturbed = undisturbed and self.undisturbed
            await asyncio.sleep(LOOK_SECONDS)
        if undisturbed and self.undisturbed:
            self.seconds[name].append(max(0.0, time.monotonic() - began - beyond))


async def _holds(condition: Callable[[], Awaitable[bool]]) -> bool:
    """Whether it holds; a server that is away, or refuses, cannot tell yet."""
    try:
        return await condition()
    except psycopg.Error:
        return False
