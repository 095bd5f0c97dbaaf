"""Wake-ups: LISTEN where the connection allows it, polling behind it always.

A notification is only a hint: that a queue has work, or that one lane of it has, and since when. Without LISTEN (a
pooler in transaction mode) everything works by polling, whose pauses grow from a few milliseconds to the setting while
nothing is found.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection
from datetime import UTC, datetime, timedelta

import tenacity

from rowlock.domain.errors import RowlockError
from rowlock.domain.lanes import Lane
from rowlock.domain.priorities import Priority
from rowlock.store.database import Database
from rowlock.store.listening import listen
from rowlock.telemetry.logs import get_logger
from rowlock.telemetry.metrics import process_metrics

log = get_logger("rowlock.wakeups")
SHORTEST_PAUSE = 0.02
PRIORITIES = {str(int(priority)): int(priority) for priority in Priority}
MOST_DIGITS = 19  # of a bigint: a worker's number, or microseconds
MOST_LANES = 1_000  # the others are found by the next scan
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Wakeups:
    """Tells the claim loop when to look for work."""

    def __init__(
        self,
        database: Database,
        queues: Collection[str],
        *,
        poll_seconds: float,
        on_cancel: Callable[[int], None],
    ) -> None:
        self._database = database
        self._queues = frozenset(queues)
        self._poll_seconds = poll_seconds
        self._on_cancel = on_cancel
        self._event = asyncio.Event()
        self._lanes: dict[Lane, datetime | None] = {}
        self._pause = SHORTEST_PAUSE
        self.listening = False
        self._missed = False

    def wake(self) -> None:
        """There may be work now."""
        self._event.set()

    def found_work(self) -> None:
        """The last claim took something: poll eagerly again."""
        self._pause = SHORTEST_PAUSE

    def take_lanes(self) -> dict[Lane, datetime | None]:
        """Lanes to which work has come since the last time, and since when it is visible, as far as they were told.
        That wakes too."""
        lanes, self._lanes = self._lanes, {}
        return lanes

    def take_missed(self) -> bool:
        """Whether something may have been told since the last time that nobody has heard."""
        missed, self._missed = self._missed, False
        return missed

    def wake_in(self, seconds: float) -> None:
        """There will be work then. Beyond the poll's pause that is found by looking ahead."""
        if seconds <= self._poll_seconds:
            asyncio.get_running_loop().call_later(seconds, self.wake)

    async def wait(self, *, at_most: float = float("inf")) -> None:
        """Until a wake-up, or the poll's pause is over, or so many seconds are."""
        pause = min(at_most, self._poll_seconds)
        if not self.listening:
            pause = min(pause, self._pause)
        self._pause = min(self._poll_seconds, self._pause * 2)
        timer = asyncio.get_running_loop().call_later(pause, self.wake)
        try:
            await self._event.wait()
        finally:
            timer.cancel()
            self._event.clear()

    async def run(self) -> None:
        """Listens until cancelled; reconnects for as long as the database is away."""
        async for attempt in tenacity.AsyncRetrying(
            retry=tenacity.retry_if_exception_type((RowlockError, OSError)),
            wait=tenacity.wait_random_exponential(multiplier=0.2, max=2),
        ):
            with attempt:
                await self._listen(attempt)

    async def _listen(self, attempt: tenacity.AttemptManager) -> None:
        async with listen(self._database, self._heard) as broken:
            if broken is None:
                log.info("A pooler stands before the database: polling without LISTEN.")
                return
            self.listening = self._missed = True
            attempt.retry_state.attempt_number = 1  # the next connection is tried at once
            self.wake()  # whatever was announced while nobody listened
            try:
                await broken
            finally:
                self.listening = False

    def _heard(self, payload: str) -> None:
        if payload.startswith("cancel:"):
            number = _number(payload.removeprefix("cancel:"))
            if number is not None:
                self._on_cancel(number)
        else:
            self._heard_of_work(*payload.split(" ", 2))
        asyncio.get_running_loop().call_soon(process_metrics().notifications.inc)  # after whom it has woken

    def _heard_of_work(self, queue: str, *stream: str) -> None:
        """`stream` is a priority and a lane of that queue, where they were told. After the priority may stand since
        when the oldest of the work is visible: `2@1767225600000000`, in microseconds."""
        if queue not in self._queues:
            return
        self.found_work()
        if len(stream) == 2:
            priority, _, since = stream[0].partition("@")
            if priority in PRIORITIES:
                self._note(Lane(queue, PRIORITIES[priority], stream[1]), _instant(since))
        self.wake()

    def _note(self, lane: Lane, since: datetime | None) -> None:
        known = self._lanes.get(lane)
        if lane not in self._lanes:
            if len(self._lanes) < MOST_LANES:
                self._lanes[lane] = since
        elif since is not None and (known is None or since < known):
            self._lanes[lane] = since


def _instant(told: str) -> datetime | None:
    microseconds = _number(told)
    if microseconds is None:
        return None
    try:
        return EPOCH + timedelta(microseconds=microseconds)
    except OverflowError:
        return None


def _number(told: str) -> int | None:
    return int(told) if told.isascii() and told.isdecimal() and len(told) <= MOST_DIGITS else None
