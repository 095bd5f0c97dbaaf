"""Workers as programs of their own, for tests that kill them.

`python -m tests.harness.worker_process MODULE:app` works until SIGTERM. Its settings come from the environment.
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import psutil

REPOSITORY = Path(__file__).parents[2]


class WorkerProcess:
    """One worker. `kill` is what a power cut does to it; `freeze` is what a paused virtual machine does."""

    def __init__(self, app: str, settings: Mapping[str, str]) -> None:
        self._program = subprocess.Popen(
            [sys.executable, "-m", __name__, app],
            cwd=REPOSITORY,
            env={**os.environ, **settings},
            stdout=subprocess.DEVNULL,
        )

    @property
    def pid(self) -> int:
        return self._program.pid

    def freeze(self) -> None:
        self._program.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._program.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        self._program.kill()
        self._program.wait()

    def stop(self) -> int:
        """Lets it drain; its exit code."""
        if self._program.poll() is None:
            self.thaw()
            self._program.terminate()
        try:
            return self._program.wait(timeout=60)
        except subprocess.TimeoutExpired:
            self._kill_family()
            raise

    def _kill_family(self) -> None:
        for child in psutil.Process(self.pid).children(recursive=True):
            child.kill()
        self.kill()


@contextmanager
def worker_process(app: str, database_url: str, **settings: object) -> Iterator[WorkerProcess]:
    """A worker with these settings, stopped when the block ends unless it was killed before."""
    given = {f"ROWLOCK_{name.upper()}": str(value) for name, value in settings.items()}
    worker = WorkerProcess(app, {"ROWLOCK_DATABASE_URL": database_url, **given})
    try:
        yield worker
    finally:
        worker.stop()


async def run(app: str) -> None:
    """Works until SIGTERM."""
    from rowlock.client import load_app
    from rowlock.config import load_settings
    from rowlock.worker import run_worker

    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    await run_worker(load_app(app), load_settings(), stop=stop)


if __name__ == "__main__":
    asyncio.run(run(sys.argv[1]))
