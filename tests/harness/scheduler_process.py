"""Schedulers as programs of their own, for tests that kill and freeze them.

`python -m tests.harness.scheduler_process` leads or stands by until SIGTERM. Its settings come from the environment.
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

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


@contextmanager
def scheduler_process(database_url: str, **settings: object) -> Iterator[SchedulerProcess]:
    """A scheduler with these settings, stopped when the block ends unless it was killed before."""
    given = {f"ROWLOCK_{name.upper()}": str(value) for name, value in settings.items()}
    scheduler = SchedulerProcess({"ROWLOCK_DATABASE_URL": database_url, **given})
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


if __name__ == "__main__":
    asyncio.run(run())
