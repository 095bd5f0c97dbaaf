"""Many schedules due at the same instant: when are all of their tasks stored? And what does an idle tick cost?

python -m benchmarks.schedules.burst [--schedules 10000] [--windows 3] [--idle 100000]

A scheduler process at default settings fires schedules of several rules and zones on a durable embedded
PostgreSQL. The time is measured from the window, by the database's clock, until another session sees the last task.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from pathlib import Path

from tests.harness.eventually import eventually
from tests.harness.installation import TENANT, Installation, installation
from tests.harness.scheduler_process import scheduler_process
from tests.harness.schedules import new_epoch

from rowlock.domain.schedule_requests import ScheduleRequest, schedule_request
from rowlock.engine.declared_schedules import sync_declared
from rowlock.engine.fire import fire_due
from rowlock.store.embedded import EmbeddedServer
from rowlock.store.migrate import migrate

ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Asia/Tokyo", "Australia/Lord_Howe")
RULES = ("* * * * *", "*/1 * * * *", "0-59 * * * *", "* * * * MON-7")
PATIENCE = timedelta(minutes=2)
IDLE_TICKS = 51


def due_every_minute(number: int) -> ScheduleRequest:
    """One of the schedules; all are due on the full minute."""
    return schedule_request(
        f"burst-{number}",
        "burst.work",
        cron=RULES[number % len(RULES)],
        timezone=ZONES[number % len(ZONES)],
        missed_run_policy="catch_up",
        payload={"number": number},
    )


async def burst(here: Installation, schedules: int, windows: int) -> list[float]:
    """Seconds from each window until the last of its tasks was seen."""
    began = time.monotonic()
    await sync_declared(here.database, TENANT, "burst", [due_every_minute(number) for number in range(schedules)])
    say(f"{schedules:,} schedules declared in {time.monotonic() - began:.1f} s")
    seconds: list[float] = []
    with scheduler_process(here.database.url):
        for _ in range(windows):
            [(window,)] = await here.query("SELECT date_trunc('minute', rowlock.clock()) + interval '1 minute'")
            seen_at = await eventually(_all_seen(here, window, schedules), within=PATIENCE)
            seconds.append((seen_at - window).total_seconds())
            say(f"{window:%H:%M}: all tasks {seconds[-1]:.2f} s after the window")
            await here.query("DELETE FROM rowlock.tasks_live")
    return seconds


def _all_seen(here: Installation, window: datetime, schedules: int) -> Callable[[], Awaitable[datetime | None]]:
    async def seen() -> datetime | None:
        [(count, now)] = await here.query(
            "SELECT count(*), clock_timestamp() FROM rowlock.tasks_live WHERE window_at = %(window)s",
            {"window": window},
        )
        return now if count == schedules else None

    return seen


async def idle(here: Installation, schedules: int) -> float:
    """Median seconds of a tick while so many schedules are not due."""
    await here.query("DELETE FROM rowlock.schedules")
    await here.query(
        "INSERT INTO rowlock.schedules (id, name, trigger_kind, expression, next_at, task_name)"
        " SELECT rowlock.new_id(), 'idle-' || n, 'cron', '0 0 1 1 *', rowlock.clock() + interval '1 day', 'idle.work'"
        " FROM generate_series(1, %(schedules)s) AS n",
        {"schedules": schedules},
    )
    await here.query("ANALYZE rowlock.schedules")
    epoch = await new_epoch(here)
    ticks = []
    for _ in range(IDLE_TICKS):
        began = time.perf_counter()
        await fire_due(here.database, epoch)
        ticks.append(time.perf_counter() - began)
    return statistics.median(ticks)


async def run(url: str, schedules: int, windows: int, idle_schedules: int) -> None:
    async with installation(url) as here:
        seconds = await burst(here, schedules, windows)
        median = statistics.median(seconds)
        say(f"{schedules:,} schedules at once: all tasks {median:.2f} s after the window, median of {windows}")
        tick = await idle(here, idle_schedules)
        say(f"{idle_schedules:,} schedules, none due: a tick takes {1_000 * tick:.1f} ms, median of {IDLE_TICKS}")


def say(sentence: str) -> None:
    sys.stdout.write(f"{sentence}\n")
    sys.stdout.flush()


def main() -> None:
    arguments = argparse.ArgumentParser(description="Time schedules that are due at the same instant.")
    arguments.add_argument("--schedules", type=int, default=10_000)
    arguments.add_argument("--windows", type=int, default=3)
    arguments.add_argument("--idle", type=int, default=100_000)
    chosen = arguments.parse_args()
    with tempfile.TemporaryDirectory(prefix="rowlock-burst-") as folder:
        server = EmbeddedServer(Path(folder))
        server.start()
        try:
            migrate(server.url())
            asyncio.run(run(server.url(), chosen.schedules, chosen.windows, chosen.idle))
        finally:
            server.stop("immediate")


if __name__ == "__main__":
    main()
