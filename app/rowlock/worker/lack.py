"""The lack of what functions run in, threads or child processes: said once, and over when a try succeeds.

Tries are made now and then, whether or not a task comes that would need it: the worker leaves those to others.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from rowlock.telemetry.logs import get_logger

log = get_logger("rowlock.worker")


class Lack:
    """One kind's. `attempt` tries to have one, and ends the lack if it can; `ended` is called when it ends."""

    def __init__(self, what: str, attempt: Callable[[], Awaitable[None]], *, ended: Callable[[], None]) -> None:
        """`what` is lacking, in words."""
        self.reason: str | None = None  # why there is none; None where there is no lack
        self._what = what
        self._attempt = attempt
        self._ended = ended
        self._trying: asyncio.Task[None] | None = None

    def begin(self, reason: str, *, pause_seconds: float) -> None:
        """There is none, which may have been so before."""
        if self.reason is None:
            log.error(reason)
        self.reason = reason
        if self._trying is None or self._trying.done():
            self._trying = asyncio.create_task(self._try(pause_seconds))

    def end(self) -> None:
        """There is one again."""
        if self.reason is not None:
            self.reason = None
            log.info(f"{self._what} start again.")
            self._ended()

    def close(self) -> None:
        """Tries no more."""
        if self._trying is not None:
            self._trying.cancel()

    async def _try(self, pause_seconds: float) -> None:
        while self.reason is not None:
            await asyncio.sleep(pause_seconds)
            if self.reason is not None:
                await self._attempt()
