"""The asyncio tasks that attempts run in.

Every attempt has an asyncio task to itself for as long as it lasts, so that `asyncio.timeout`, `TaskGroup` and
cancelling work in handlers as anywhere. But making a task for each costs more than all else that Python does for a
small one. So a runner takes the next attempt when its last one has ended and never waited. One runner is on standby as
long as attempts queue up, so one that does wait holds up nobody; and a handler that has waited once is known for that:
its attempts have tasks of their own from the start.

No more attempts run at once than may. What else is here waits for its turn: the worker has claimed it ahead, expecting
to begin it within milliseconds. If it has not for a second, for handlers take longer than they did, it is given up.

A runner retires after an attempt that waited, that was cancelled, or that left context variables set; and each begins
with those that were set when the first attempts were put, not with those of the attempt whose end may have begun it.
So nothing of one attempt reaches another. When its turn is over it retires too, and the standby goes on after the event
loop had its own.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Sequence
from contextvars import Context, copy_context

from rowlock.worker.attempt import Attempt

LONGEST_TURN_SECONDS = 0.005  # then the event loop gets a turn, though attempts queue that need not wait
LONGEST_WAIT_SECONDS = 1.0  # of an attempt for its turn


class Runners:
    """Performs attempts in the order in which they are put, at most so many at once. `perform` never raises, whatever
    becomes of its attempt. `give_up` takes those that have waited too long while all places were taken."""

    def __init__(
        self,
        perform: Callable[[Attempt], Awaitable[None]],
        *,
        most: int,
        give_up: Callable[[Sequence[Attempt]], None],
    ) -> None:
        self._perform = perform
        self._most = most
        self._give_up = give_up
        self._clean: Context | None = None  # what each runner begins with
        self._running: set[Attempt] = set()
        self._looking: asyncio.TimerHandle | None = None
        self._queue: deque[Attempt] = deque()
        self._standby: asyncio.Task[None] | None = None
        self._at_work: Attempt | None = None  # what the newest runner has begun, until it ends
        self._names_that_wait: set[str] = set()
        self._tasks: set[asyncio.Task[None]] = set()  # the event loop itself holds them weakly

    def put(self, attempts: Iterable[Attempt]) -> None:
        """Takes attempts; returns at once."""
        if self._clean is None:
            self._clean = copy_context()
        self._queue.extend(attempts)
        self._go_on()
        self._look_later()

    def withdraw(self, *, claimed_before: float = float("inf")) -> list[Attempt]:
        """Takes back what waits for its turn and was claimed before that instant of the monotonic clock."""
        withdrawn = [attempt for attempt in self._queue if attempt.claimed_at < claimed_before]
        if withdrawn:
            self._queue = deque(attempt for attempt in self._queue if attempt.claimed_at >= claimed_before)
        return withdrawn

    def leave(self, attempt: Attempt) -> None:
        """The attempt has ended, though its handler may go on: its place is another's."""
        self._running.discard(attempt)
        self._go_on()

    def _look_later(self) -> None:
        if self._queue and self._looking is None:
            self._looking = asyncio.get_running_loop().call_later(LONGEST_WAIT_SECONDS, self._look)

    def _look(self) -> None:
        self._looking = None
        if len(self._running) >= self._most:  # else it is the event loop that is busy, and they are next
            self._give_up(self.withdraw(claimed_before=time.monotonic() - LONGEST_WAIT_SECONDS))
        self._look_later()

    def _go_on(self) -> None:
        """Begins what waits, if there is a place for it."""
        if len(self._running) < self._most:
            self._call_standby()

    def _call_standby(self) -> None:
        if self._queue and (self._standby is None or self._standby.done()):
            self._standby = self._start(self._run())

    def _start(self, work: Coroutine[None, None, None]) -> asyncio.Task[None]:
        assert self._clean is not None
        task = asyncio.get_running_loop().create_task(work, context=self._clean.copy())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _run(self) -> None:
        runner, self._standby = self._standby, None
        assert runner is not None
        if self._at_work is not None:  # or this one would not have come to run
            self._names_that_wait.add(self._at_work.task.name)
        try:
            await self._take_turns(runner)
        finally:
            self._go_on()

    async def _take_turns(self, runner: asyncio.Task[None]) -> None:
        turn_ends = time.monotonic() + LONGEST_TURN_SECONDS
        while self._queue and len(self._running) < self._most:
            attempt = self._queue.popleft()
            self._running.add(attempt)
            if attempt.task.name in self._names_that_wait:
                self._start(self._run_one(attempt))
                continue
            self._call_standby()  # also where no place is left: it tells whether this attempt waits
            standby = self._standby
            self._at_work = attempt
            attempt.job = runner
            await self._perform(attempt)
            attempt.job = None
            self._running.discard(attempt)
            if self._at_work is attempt:
                self._at_work = None
            has_waited = self._standby is not standby  # for the event loop had a turn, and so the standby
            if has_waited or runner.cancelling() or copy_context() != self._clean or time.monotonic() > turn_ends:
                return

    async def _run_one(self, attempt: Attempt) -> None:
        attempt.job = asyncio.current_task()
        await self._perform(attempt)
        attempt.job = None
        self.leave(attempt)
