"""Whether an event loop still turns, asked from another thread: a handler that blocks it stops everything else."""

from __future__ import annotations

import asyncio
import time
from types import TracebackType
from typing import Self

LOOK_SECONDS = 1.0


class Turning:
    """Watches the loop that it is entered in. Before that and afterwards it counts as turning."""

    def __init__(self, longest_standstill_seconds: float, *, look_seconds: float = LOOK_SECONDS) -> None:
        self._longest_standstill_seconds = longest_standstill_seconds
        self._look_seconds = look_seconds
        self._turned_at: float | None = None
        self._next: asyncio.TimerHandle | None = None

    @property
    def turns(self) -> bool:
        turned_at = self._turned_at
        return turned_at is None or time.monotonic() - turned_at < self._longest_standstill_seconds

    def __enter__(self) -> Self:
        self._turn()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._next is not None:
            self._next.cancel()
        self._turned_at = self._next = None

    def _turn(self) -> None:
        self._turned_at = time.monotonic()
        self._next = asyncio.get_running_loop().call_later(self._look_seconds, self._turn)
