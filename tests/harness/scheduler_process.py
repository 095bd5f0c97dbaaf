"""Schedulers as processes of their own, for tests that kill and freeze them, and set their clocks.

SIGUSR1 sets a scheduler's clock forward by an hour, SIGUSR2 back by one.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import time_machine
from tests.harness.forks import FORKED, furnish, start, write_to

HOUR = timedelta(hours=1)
STOP_SECONDS = 30


class SchedulerProcess:
    """One scheduler. `kill` is what a power cut does to it; `freeze` is what a paused virtual machine does."""

    def __init__(self, settings: dict[str, str], clock_is_wrong_by: timedelta) -> None:
        environment = {**os.environ, **settings}
        self._process = FORKED.Process(target=lead, args=(environment, clock_is_wrong_by), daemon=True)
        start(self._process)

    def named_by(self, holder: str) -> bool:
        """Whether `leaders.holder` means this process."""
        return f":{self._process.pid}:" in holder

    @property
    def runs(self) -> bool:
        return self._process.is_alive()

    def freeze(self) -> None:
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._signal(signal.SIGCONT)

    def set_clock(self, by: timedelta) -> None:
        """What an operator does to the host's clock: an hour forward or back."""
        self._signal({HOUR: signal.SIGUSR1, -HOUR: signal.SIGUSR2}[by])

    def kill(self) -> None:
        self._process.kill()
        self._process.join()

    def stop(self) -> int | None:
        """Lets it give the lock up; its exit code."""
        if self.runs:
            self.thaw()
            self._process.terminate()
        self._process.join(STOP_SECONDS)
        if self.runs:
            self.kill()
            raise TimeoutError(f"A scheduler did not end within {STOP_SECONDS} s.")
        return self._process.exitcode

    def _signal(self, number: signal.Signals) -> None:
        if self.runs and self._process.pid is not None:
            os.kill(self._process.pid, number)


def start_scheduler(
    database_url: str, *, clock_is_wrong_by: timedelta = timedelta(0), **settings: object
) -> SchedulerProcess:
    """A scheduler with these settings; whoever starts it stops it."""
    given = {f"ROWLOCK_{name.upper()}": str(value) for name, value in settings.items()}
    return SchedulerProcess({"ROWLOCK_DATABASE_URL": database_url, **given}, clock_is_wrong_by)


@contextmanager
def scheduler_process(
    database_url: str, *, clock_is_wrong_by: timedelta = timedelta(0), **settings: object
) -> Iterator[SchedulerProcess]:
    """A scheduler with these settings, stopped when the block ends unless it was killed before."""
    scheduler = start_scheduler(database_url, clock_is_wrong_by=clock_is_wrong_by, **settings)
    try:
        yield scheduler
    finally:
        scheduler.stop()


def lead(environment: dict[str, str], clock_is_wrong_by: timedelta) -> None:
    """Leads or stands by until SIGTERM. The monotonic clock is never set, as on a real host."""
    write_to(os.devnull)
    furnish(environment)
    with time_machine.travel(datetime.now(UTC) + clock_is_wrong_by, tick=True) as clock:
        signal.signal(signal.SIGUSR1, lambda *_: clock.shift(HOUR))
        signal.signal(signal.SIGUSR2, lambda *_: clock.shift(-HOUR))
        asyncio.run(_lead())


async def _lead() -> None:
    from rowlock.config import load_settings
    from rowlock.scheduler import run_scheduler

    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    await run_scheduler(load_settings(), stop=stop)
