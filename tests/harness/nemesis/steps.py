"""The steps of a history: how many acts its clients have begun."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from tests.harness.forks import FORKED
from tests.harness.nemesis.workload import CLIENTS

LOOK_SECONDS = 0.02


class Steps:
    """Counted in memory that the clients' program shares: `done` has a place for each client, which alone writes it."""

    def __init__(self, total: int) -> None:
        self.total = total
        self.done: Any = FORKED.RawArray("l", len(CLIENTS))

    @property
    def count(self) -> int:
        values: Sequence[int] = self.done
        return sum(values)

    async def reach(self, step: int, *, within: float) -> bool:
        """Returns when that many were begun, or the time is over: clients that wait for an answer make no steps."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + within
        while self.count < min(step, self.total):
            if loop.time() > deadline:
                return False
            await asyncio.sleep(LOOK_SECONDS)
        return True
