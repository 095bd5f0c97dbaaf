"""The programs of a history: workers, schedulers, an API, clients; each a process of its own that a fault may hit.

What they are told stands in their environment, as it would for `rowlock worker`. Each ends with the process that
started it, however that ends. Their wall clock can be set: SIGUSR1 sets it forward by hours, SIGUSR2 back by as many;
the monotonic clock is never set, as on a real host.
"""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from collections.abc import Callable, Coroutine, Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import time_machine
from tests.harness.forks import write_to
from tests.harness.history.events import Recorder
from tests.harness.history.recording import FOLDER

HOURS = timedelta(hours=5)
PUT_OFF_SECONDS = 1.0  # a history does not last until what could not run would be looked at again

Run = Callable[[asyncio.Event], Coroutine[Any, Any, None]]


def work(environment: Mapping[str, str], log: Path, lifeline: Connection) -> None:
    """A worker."""

    async def run(stop: asyncio.Event) -> None:
        from tests.harness.history.recording import record_runs, recording
        from tests.harness.nemesis import handlers

        from rowlock.config import load_settings
        from rowlock.worker import performing, run_worker

        performing.PUT_OFF_SECONDS = PUT_OFF_SECONDS
        handlers.recorder = _recorder("worker")
        record_runs(handlers.app, handlers.recorder)
        with handlers.app.configured(load_settings()), recording(handlers.recorder):
            await run_worker(handlers.app, load_settings(), stop=stop)

    _play("worker", environment, log, lifeline, run)


def lead(environment: Mapping[str, str], log: Path, lifeline: Connection) -> None:
    """A scheduler."""

    async def run(stop: asyncio.Event) -> None:
        from tests.harness.history.recording import recording

        from rowlock.config import load_settings
        from rowlock.scheduler import run_scheduler

        with recording(_recorder("scheduler")):
            await run_scheduler(load_settings(), stop=stop)

    _play("scheduler", environment, log, lifeline, run)


def serve(environment: Mapping[str, str], log: Path, lifeline: Connection) -> None:
    """An API."""

    async def run(stop: asyncio.Event) -> None:
        from rowlock.api.server import serve as serve_api
        from rowlock.config import load_settings

        await serve_api(load_settings(), stop=stop)

    _play("api", environment, log, lifeline, run)


def enqueue(environment: Mapping[str, str], log: Path, lifeline: Connection, script: Any, done: Any) -> None:
    """Clients, which follow their script."""

    async def run(stop: asyncio.Event) -> None:
        from tests.harness.nemesis.clients import follow

        await follow(script, done, stop)

    _play("clients", environment, log, lifeline, run)


def _play(role: str, environment: Mapping[str, str], log: Path, lifeline: Connection, run: Run) -> None:
    from rowlock.telemetry.logs import configure_logging

    for name in [name for name in os.environ if name.startswith("ROWLOCK_")]:
        del os.environ[name]
    os.environ.update(environment)
    write_to(log)
    _end_with(lifeline)
    configure_logging(format="json", level="info", process=role)
    with time_machine.travel(datetime.now(UTC), tick=True) as clock:
        signal.signal(signal.SIGUSR1, lambda *_: clock.shift(HOURS))
        signal.signal(signal.SIGUSR2, lambda *_: clock.shift(-HOURS))
        asyncio.run(_until_told(run))


async def _until_told(run: Run) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    loop.add_signal_handler(signal.SIGINT, lambda: None)  # Ctrl-C is for the one who started the run
    await run(stop)


def _recorder(role: str) -> Recorder:
    return Recorder(Path(os.environ[FOLDER]), role)


def _end_with(lifeline: Connection) -> None:
    """Ends this process at once when the other end of the pipe is closed."""

    def watch() -> None:
        lifeline.poll(None)
        os._exit(1)

    threading.Thread(target=partial(watch), name="lifeline", daemon=True).start()
