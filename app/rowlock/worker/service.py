"""A worker as a service: database, application, metrics, and the way to stop it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack
from functools import partial

from rowlock.client import Rowlock
from rowlock.config import Settings
from rowlock.domain.errors import ConfigurationError, RowlockError
from rowlock.store.database import Database
from rowlock.telemetry.exposition import HealthReport, serve_metrics
from rowlock.telemetry.health import Health
from rowlock.telemetry.logs import get_logger
from rowlock.telemetry.metrics import process_metrics
from rowlock.telemetry.turning import Turning
from rowlock.worker.worker import Worker

LONGEST_STANDSTILL_SECONDS = 60.0  # an event loop that has not turned for so long is dead
OWN_CONNECTIONS = 4  # for outcomes, heartbeats and whatever comes now and then, beside those for claims and LISTEN
STANDSTILL = "The event loop stands still: a handler blocks it."

log = get_logger("rowlock.worker")


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
    # What handlers ask of the database may wait there, as often as they have connections: never the worker itself.
    own = settings.model_copy(update={"pool_max": min(settings.pool_max, OWN_CONNECTIONS)})
    handlers = Database(settings, url=url, name="rowlock handlers")  # opened with its first use
    async with AsyncExitStack() as exits:
        exits.push_async_callback(handlers.close)
        database = await exits.enter_async_context(Database(own, url=url, name="rowlock worker"))
        worker = Worker(app, settings, database, subscribed, handlers=handlers)
        loop_turns = Turning(LONGEST_STANDSTILL_SECONDS)
        with app.sharing(handlers), process_metrics().trouble.watching(worker.condition):
            pools = process_metrics().pools
            for name, used in (("worker", database), ("handlers", handlers)):
                pools.watch(name, used.pool_stats)
                exits.callback(pools.forget, name)
            exits.enter_context(process_metrics().worker_health.watching(lambda: _health(worker, loop_turns)[0]))
            if settings.metrics_port is not None:
                report = partial(_report, worker, loop_turns)
                registry, host = process_metrics().registry, settings.metrics_host
                exits.enter_context(serve_metrics(settings.metrics_port, registry, report, host=host))
            async with app.lifespan(app):
                with loop_turns:
                    await _run_until(worker, stop, hurry or asyncio.Event())


async def _run_until(worker: Worker, stop: asyncio.Event, hurry: asyncio.Event) -> None:
    async with asyncio.TaskGroup() as jobs:
        running = jobs.create_task(_run(worker))
        stopping, hurrying = jobs.create_task(stop.wait()), jobs.create_task(hurry.wait())
        await asyncio.wait([running, stopping, hurrying], return_when=asyncio.FIRST_COMPLETED)
        worker.stop()
        await asyncio.wait([running, hurrying], return_when=asyncio.FIRST_COMPLETED)
        worker.hurry()
        await asyncio.wait([running])
        stopping.cancel()
        hurrying.cancel()


async def _run(worker: Worker) -> None:
    try:
        await worker.run()
    except RowlockError as error:  # what kept it from registering, until it was told to stop
        log.info("The worker stops before it has begun.", reason=error.message)


def _report(worker: Worker, loop_turns: Turning) -> HealthReport:
    """A database in trouble makes a worker unready, never dead: restarting it would bring none back."""
    health, reason = _health(worker, loop_turns)
    return HealthReport(live=loop_turns.turns, ready=health == "healthy", reasons=(reason,) if reason else ())


def _health(worker: Worker, loop_turns: Turning) -> tuple[Health, str | None]:
    """What the worker says of itself, and what it cannot say: that its event loop stands still."""
    return worker.health if loop_turns.turns else ("unhealthy", STANDSTILL)
