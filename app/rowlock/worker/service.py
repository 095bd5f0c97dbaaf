"""A worker as a service: database, application, metrics, and the way to stop it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import ExitStack

from rowlock.client import Rowlock
from rowlock.config import Settings
from rowlock.domain.errors import ConfigurationError
from rowlock.store.database import Database
from rowlock.telemetry.exposition import HealthReport, serve_metrics
from rowlock.telemetry.metrics import process_metrics
from rowlock.worker.worker import Worker


async def run_worker(
    app: Rowlock,
    settings: Settings,
    *,
    queues: Sequence[str] | None = None,
    stop: asyncio.Event,
    hurry: asyncio.Event | None = None,
    url: str | None = None,
) -> None:
    """Works on `queues` (default: those of the application's handlers) until `stop` is set, then drains and returns.

    `hurry` cuts the draining short: what still runs is given back at once.
    """
    subscribed = sorted(set(queues or (handler.queue for handler in app.handlers.values())))
    if not subscribed:
        raise ConfigurationError(
            "The application declares no handlers and no queues are given, so there is nothing to do."
        )
    async with Database(settings, url=url, name="rowlock worker") as database:
        worker = Worker(app, settings, database, subscribed)
        with app.sharing(database), ExitStack() as exits:
            if settings.metrics_port is not None:
                exits.enter_context(
                    serve_metrics(settings.metrics_port, process_metrics().registry, lambda: _report(worker))
                )
            async with app.lifespan(app):
                await _run_until(worker, stop, hurry or asyncio.Event())


async def _run_until(worker: Worker, stop: asyncio.Event, hurry: asyncio.Event) -> None:
    async with asyncio.TaskGroup() as jobs:
        running = jobs.create_task(worker.run())
        stopping, hurrying = jobs.create_task(stop.wait()), jobs.create_task(hurry.wait())
        await asyncio.wait([running, stopping, hurrying], return_when=asyncio.FIRST_COMPLETED)
        worker.stop()
        await asyncio.wait([running, hurrying], return_when=asyncio.FIRST_COMPLETED)
        worker.hurry()
        await asyncio.wait([running])
        stopping.cancel()
        hurrying.cancel()


def _report(worker: Worker) -> HealthReport:
    health, reason = worker.health
    return HealthReport(live=health != "unhealthy", ready=health == "healthy", reasons=(reason,) if reason else ())
