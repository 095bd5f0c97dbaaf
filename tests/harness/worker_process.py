"""Workers as processes of their own, for tests that kill and freeze them. Their settings come from the environment."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import psutil
from tests.harness.forks import FORKED, furnish, start

STOP_SECONDS = 60


class WorkerProcess:
    """One worker. `kill` is what a power cut does to it; `freeze` is what a paused virtual machine does."""

    def __init__(self, app: str, settings: Mapping[str, str]) -> None:
        self._process = FORKED.Process(target=work, args=(app, {**os.environ, **settings}))
        start(self._process)

    @property
    def pid(self) -> int:
        assert self._process.pid is not None
        return self._process.pid

    def freeze(self) -> None:
        os.kill(self.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        os.kill(self.pid, signal.SIGCONT)

    def kill(self) -> None:
        self._process.kill()
        self._process.join()

    def stop(self) -> int | None:
        """Lets it drain; its exit code."""
        if self._process.is_alive():
            self.thaw()
            self._process.terminate()
        self._process.join(STOP_SECONDS)
        if self._process.is_alive():
            self._kill_family()
            raise TimeoutError(f"A worker did not end within {STOP_SECONDS} s.")
        return self._process.exitcode

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


def work(app: str, environment: Mapping[str, str]) -> None:
    """Works until SIGTERM."""
    furnish(environment)
    asyncio.run(_work(app))


async def _work(app: str) -> None:
    from rowlock.client import load_app
    from rowlock.config import load_settings
    from rowlock.worker import run_worker

    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    await run_worker(load_app(app), load_settings(), stop=stop)
