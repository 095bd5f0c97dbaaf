"""The asyncio tasks that attempts run in.

Every attempt has an asyncio task to itself for as long as it lasts, so that `asyncio.timeout`, `TaskGroup` and
cancelling work in handlers as anywhere. But making a task for each costs more than all else that Python does for a
small one. So a runner takes the next attempt when its last one has ended; and since one runner is on standby as long as
attempts wait, an attempt that awaits something holds up nobody. Handlers that never wait all run in one runner, one
after another.

A runner retires after an attempt that was cancelled, or that left context variables set: nothing of one attempt reaches
another.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from contextvars import copy_context

from rowlock.worker.attempt import Attempt

LONGEST_TURN_SECONDS = 0.005  # then the event loop gets a turn, though attempts wait that need not


class Runners:
    """Performs attempts in the order in which they are put. `perform` never raises, whatever becomes of its attempt."""

    def __init__(self, perform: Callable[[Attempt], Awaitable[None]]) -> None:
        self._perform = perform
        self._waiting: deque[Attempt] = deque()
        self._standby: asyncio.Task[None] | None = None
        self._busy: set[asyncio.Task[None]] = set()

    def put(self, attempts: Iterable[Attempt]) -> None:
        """Takes attempts; returns at once."""
        self._waiting.extend(attempts)
        self._call_standby()

    def _call_standby(self) -> None:
        if self._waiting and self._standby is None:
            self._standby = asyncio.get_running_loop().create_task(self._run())

    async def _run(self) -> None:
        runner, self._standby = self._standby, None
        assert runner is not None
        self._busy.add(runner)
        try:
            await self._take_turns(runner)
        finally:
            self._busy.discard(runner)
            self._call_standby()

    async def _take_turns(self, runner: asyncio.Task[None]) -> None:
        clean = copy_context()
        turn_ends = time.monotonic() + LONGEST_TURN_SECONDS
        while self._waiting:
            attempt = self._waiting.popleft()
            self._call_standby()
            attempt.job = runner
            await self._perform(attempt)
            attempt.job = None
            if runner.cancelling() or copy_context() != clean:
                return
            if time.monotonic() > turn_ends:
                await asyncio.sleep(0)
                turn_ends = time.monotonic() + LONGEST_TURN_SECONDS
