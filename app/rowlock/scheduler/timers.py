"""The leader's timers, on APScheduler: each duty comes at its interval, at once to begin with, one at a time.

APScheduler plans by the host's clock, which decides nothing here but when to look. Should that clock be set, the timers
begin anew (`follow_host_clock`), so that one set back by an hour does not silence the leader for that hour.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime, timedelta
from typing import Any

from apscheduler.job import Job
from apscheduler.schedulers.asyncio import AsyncIOScheduler

from rowlock.store.cancelling import cancelled
from rowlock.telemetry.logs import get_logger

CLOCK_STEP_SECONDS = 1.0

_log = get_logger("rowlock.scheduler")


class Timers:
    """Timers of one event loop; begun by `start`, ended by `stop`."""

    def __init__(self) -> None:
        self._scheduler = AsyncIOScheduler(
            timezone=UTC,
            # Overlaps are seen by `_come`, which says nothing about them; APScheduler would warn of each.
            job_defaults={"coalesce": True, "max_instances": 2, "misfire_grace_time": None},
        )
        self._at_work: dict[str, asyncio.Task[bool]] = {}
        self._ahead = self._host_clock_ahead()

    def every(
        self,
        seconds: float,
        name: str,
        duty: Callable[[], Coroutine[Any, Any, bool]],
        *,
        retry_seconds: float | None = None,
    ) -> None:
        """Lets a duty come at an interval, sooner where it was not done and `retry_seconds` is given."""

        async def come() -> None:
            if name in self._at_work:
                return
            # A task of its own: one that `stop` cancels is no failure for APScheduler to report.
            task = self._at_work[name] = asyncio.create_task(duty())
            try:
                await asyncio.wait({task})
            finally:
                del self._at_work[name]
            if task.cancelled() or task.result() or retry_seconds is None:
                return
            if retry_seconds < seconds:
                self._again(name, timedelta(seconds=retry_seconds))

        self._scheduler.add_job(come, "interval", seconds=seconds, id=name, name=name, next_run_time=datetime.now(UTC))

    def start(self) -> None:
        self._scheduler.start()

    def follow_host_clock(self) -> None:
        """Begins anew where the host's clock was set since the last call, be it forth and back again in between."""
        before, self._ahead = self._ahead, self._host_clock_ahead()
        step, jobs = self._ahead - before, self._scheduler.get_jobs()
        if abs(step) > CLOCK_STEP_SECONDS or any(self._was_planned_by_another_clock(job) for job in jobs):
            _log.warning("The host's clock was set; timers begin anew.", seconds=round(step, 1))
            for job in jobs:
                self._again(job.id, timedelta(0))

    def _was_planned_by_another_clock(self, job: Job) -> bool:
        """Whether its next coming lies further ahead than its interval, or was due and did not come."""
        if job.next_run_time is None:
            return False
        away = (job.next_run_time - self._host_clock()).total_seconds()
        return not -CLOCK_STEP_SECONDS <= away <= job.trigger.interval_length + CLOCK_STEP_SECONDS

    async def stop(self, *, patience_seconds: float) -> None:
        """Lets duties under way come to their end; cancels those that do not within `patience_seconds`."""
        self._scheduler.pause()
        under_way = set(self._at_work.values())
        if under_way:
            _, late = await asyncio.wait(under_way, timeout=patience_seconds)
            await cancelled(*late)
            await asyncio.gather(*under_way, return_exceptions=True)
        self._scheduler.shutdown(wait=False)

    def _again(self, name: str, after: timedelta) -> None:
        if self._scheduler.running:
            self._scheduler.modify_job(name, next_run_time=datetime.now(UTC) + after)

    @staticmethod
    def _host_clock() -> datetime:
        return datetime.now(UTC)

    @staticmethod
    def _host_clock_ahead() -> float:
        return time.time() - time.monotonic()
