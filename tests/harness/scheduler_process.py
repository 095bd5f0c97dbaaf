"""Schedulers as programs of their own, for tests that kill and freeze them, and set their clocks.

`python -m tests.harness.scheduler_process` leads or stands by until SIGTERM. Its settings come from the environment, as
does by how many seconds its host's clock is wrong; SIGUSR1 sets that clock forward by an hour, SIGUSR2 back by one.
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import time_machine

CLOCK_IS_WRONG_BY = "TEST_CLOCK_IS_WRONG_BY"
HOUR = timedelta(hours=1)
REPOSITORY = Path(__file__).parents[2]


class SchedulerProcess:
    """One scheduler. `kill` is what a power cut does to it; `freeze` is what a paused virtual machine does."""

    def __init__(self, settings: dict[str, str]) -> None:
        self._program = subprocess.Popen(
            [sys.executable, "-m", __name__],
            cwd=REPOSITORY,
            env={**os.environ, **settings},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def named_by(self, holder: str) -> bool:
        """Whether `leaders.holder` means this process."""
        return f":{self._program.pid}:" in holder

    @property
    def runs(self) -> bool:
        return self._program.poll() is None

    def freeze(self) -> None:
        self._program.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._program.send_signal(signal.SIGCONT)

    def set_clock(self, by: timedelta) -> None:
        """What an operator does to the host's clock: an hour forward or back."""
        self._program.send_signal({HOUR: signal.SIGUSR1, -HOUR: signal.SIGUSR2}[by])

    def kill(self) -> None:
        self._program.kill()
        self._program.wait()

    def stop(self) -> int:
        """Lets it give the lock up; its exit code."""
        if self.runs:
            self.thaw()
            self._program.terminate()
        try:
            return self._program.wait(timeout=30)
        except subprocess.TimeoutExpired:
            self.kill()
            raise


def start_scheduler(
    database_url: str, *, clock_is_wrong_by: timedelta = timedelta(0), **settings: object
) -> SchedulerProcess:
    """A scheduler with these settings; whoever starts it stops it."""
    given = {f"ROWLOCK_{name.upper()}": str(value) for name, value in settings.items()}
    wrong = {CLOCK_IS_WRONG_BY: str(clock_is_wrong_by.total_seconds())}
    return SchedulerProcess({"ROWLOCK_DATABASE_URL": database_url, **wrong, **given})


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


async def run() -> None:
    """Leads or stands by until SIGTERM."""
    from rowlock.config import load_settings
    from rowlock.scheduler import run_scheduler

    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    await run_scheduler(load_settings(), stop=stop)


def on_a_wrong_clock() -> None:
    """Runs with the wall clock set as the environment says; the monotonic one is never set, as on a real host."""
    wrong_by = timedelta(seconds=float(os.environ.get(CLOCK_IS_WRONG_BY, "0")))
    with time_machine.travel(datetime.now(UTC) + wrong_by, tick=True) as clock:
        signal.signal(signal.SIGUSR1, lambda *_: clock.shift(HOUR))
        signal.signal(signal.SIGUSR2, lambda *_: clock.shift(-HOUR))
        asyncio.run(run())


if __name__ == "__main__":
    on_a_wrong_clock()
