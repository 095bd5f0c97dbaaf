"""Drains queues: a real worker against the real database, until nothing is due."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from datetime import timedelta

from rowlock.client import Rowlock
from rowlock.config import Settings
from rowlock.domain.errors import ConfigurationError
from rowlock.engine.rescue import expire_overdue
from rowlock.store.database import Database
from rowlock.testing.clock import advance_clock
from rowlock.worker.worker import Worker

PATIENCE = timedelta(seconds=30)
FIRST_PAUSE = 0.002
LONGEST_PAUSE = 0.05


async def drain(
    app: Rowlock,
    *,
    queues: Sequence[str] | None = None,
    timeout: timedelta = PATIENCE,  # noqa: ASYNC109 - part of the API
    advance: timedelta | None = None,
) -> Counter[str]:
    """Runs what is due on `queues` (default: those of the application's handlers), and what that enqueues, until
    nothing is due; counts the attempts by outcome (`succeeded`, `failed`, `timed_out`, `snoozed`, `cancelled`, …).

    Tasks that are due later stay where they are: a retry waits for its backoff. `advance` moves the database's clock
    first, and leaves it moved. Tasks whose deadline has passed end as dead, as the scheduler would have it. Raises
    `TimeoutError` that names what is still due.
    """
    subscribed = sorted(set(queues or (handler.queue for handler in app.handlers.values())))
    if not subscribed:
        raise ConfigurationError(
            "The application declares no handlers and no queues are given: nothing can be drained."
        )
    if advance is not None:
        await advance_clock(app, advance)
    async with Database(_impatient(app.settings), name="rowlock drain") as database:
        with app.sharing(database):
            async with app.lifespan(app):
                worker = Worker(app, database.settings, database, subscribed)
                await _work(worker, database, subscribed, timeout)
                await expire_overdue(database)
        rows = await database.read("count_outcomes", {"worker_id": worker.id})
    return Counter(dict(rows))


def drain_sync(
    app: Rowlock,
    *,
    queues: Sequence[str] | None = None,
    timeout: timedelta = PATIENCE,
    advance: timedelta | None = None,
) -> Counter[str]:
    """`drain` for tests without an event loop."""
    return asyncio.run(drain(app, queues=queues, timeout=timeout, advance=advance))


def _impatient(settings: Settings) -> Settings:
    """A worker that looks again at once, and gives up on what hangs when the test does."""
    quick = {"lane_refresh_seconds": 0.01, "poll_seconds": 0.05, "drain_seconds": 1.0, "metrics_port": None}
    return settings.model_copy(update=quick)


async def _work(worker: Worker, database: Database, queues: list[str], patience: timedelta) -> None:
    running = asyncio.create_task(worker.run())
    try:
        async with asyncio.timeout(patience.total_seconds()):
            await _until_nothing_is_due(worker, database, queues, running)
    except TimeoutError:
        left = await _due(worker, database, queues)
        raise TimeoutError(f"After {patience} there are still due: {', '.join(left) or 'no tasks'}.") from None
    finally:
        worker.stop()
        await running


async def _until_nothing_is_due(
    worker: Worker, database: Database, queues: list[str], running: asyncio.Task[None]
) -> None:
    pause = FIRST_PAUSE
    while await _due(worker, database, queues):
        await asyncio.wait([running], timeout=pause)
        if running.done():
            return
        pause = min(LONGEST_PAUSE, pause * 1.5)


async def _due(worker: Worker, database: Database, queues: list[str]) -> list[str]:
    """What could be claimed now, or runs in this worker: `3 mail.send (pending)`."""
    rows = await database.read("count_due", {"queues": queues, "worker_id": worker.id})
    return [f"{tasks} {name} ({status})" for name, status, tasks in rows]
