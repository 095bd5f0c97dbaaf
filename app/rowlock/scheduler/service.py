"""A scheduler process: it stands for election, leads while it is elected, and stands by otherwise, for ever.

PostgreSQL away is a state, not an end: the service keeps asking, with growing pauses, and `health()` says so. Only a
setting that cannot work (a pooler in front of the lock) ends it, with `ConfigurationError`.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import ExitStack
from typing import Literal

from rowlock.config import Settings
from rowlock.domain.backoff import Backoff
from rowlock.domain.errors import ConfigurationError, NotLeader, RowlockError
from rowlock.engine.elect import ROLE, Candidate
from rowlock.scheduler.duties import PRESSING, Duties
from rowlock.scheduler.timers import Timers
from rowlock.store.database import Database
from rowlock.telemetry.condition import Condition
from rowlock.telemetry.exposition import HealthReport, serve_metrics
from rowlock.telemetry.logs import get_logger
from rowlock.telemetry.metrics import Metrics, process_metrics

POOL = "scheduler"
ORDER_SECONDS = 1.0
RESCUE_SECONDS = 1.0
POSTPONED_SECONDS = 60.0  # until maintenance asks again for what a report held
FIRST_BACKOFF_SECONDS = 0.1
LONGEST_BACKOFF_SECONDS = 2.0
PATIENCE_SECONDS = 10.0  # for duties under way when the service is stopped
STUCK_SECONDS = 60.0  # a loop that has not turned for so long does not live

State = Literal["starting", "standby", "leading", "away", "stopped"]

_log = get_logger("rowlock.scheduler")


async def run_scheduler(settings: Settings, *, stop: asyncio.Event, url: str | None = None) -> None:
    """Runs a scheduler until `stop` is set, with `/metrics` and health where `metrics_port` says so."""
    service = SchedulerService(settings, url=url)
    with ExitStack() as exits:
        if settings.metrics_port is not None:
            registry, host = process_metrics().registry, settings.metrics_host
            exits.enter_context(serve_metrics(settings.metrics_port, registry, service.health, host=host))
        await service.run(stop)


class SchedulerService:
    """One candidate and, while it is elected, the leader. `run` may be called once."""

    def __init__(
        self, settings: Settings, *, url: str | None = None, metrics: Metrics | None = None, holder: str | None = None
    ) -> None:
        self._settings = settings
        self._metrics = metrics or process_metrics()
        self._database = Database(settings, url=url, name="rowlock scheduler")
        self._candidate = Candidate(self._database, poll_seconds=settings.election_seconds, holder=holder)
        self._condition = Condition("scheduler")
        self._backoff = Backoff(FIRST_BACKOFF_SECONDS, LONGEST_BACKOFF_SECONDS)
        self._turned_at = time.monotonic()
        self.state: State = "starting"

    @property
    def epoch(self) -> int | None:
        """The epoch that this process leads; None while it does not."""
        return self._candidate.epoch if self.state == "leading" else None

    @property
    def holder(self) -> str:
        """How `leaders` names this process."""
        return self._candidate.holder

    def health(self) -> HealthReport:
        """Whether its loop turns, and whether it leads or could. Any thread may ask."""
        live = time.monotonic() - self._turned_at < STUCK_SECONDS + self._settings.election_seconds
        ready = self.state in ("standby", "leading")
        return HealthReport(live=live, ready=ready, reasons=self._condition.reasons)

    async def run(self, stop: asyncio.Event) -> None:
        """Stands, leads and stands by until `stop` is set; then gives the lock up and returns."""
        self._metrics.record_leader(ROLE, leads=False)
        async with self._database:
            with self._metrics.trouble.watching(self._condition):
                await self._stand_and_lead(stop)

    async def _stand_and_lead(self, stop: asyncio.Event) -> None:
        self._metrics.pools.watch(POOL, self._database.pool_stats)
        try:
            while not stop.is_set():
                pause = await self._turn(stop)
                await _first_of(stop, within=pause)
        finally:
            self._metrics.pools.forget(POOL)
            await self._candidate.step_down()
            self.state = "stopped"
            _log.info("The scheduler has stopped.", holder=self.holder)

    async def _turn(self, stop: asyncio.Event) -> float:
        """One candidacy, with all that follows; the seconds to wait before the next."""
        self._turned_at = time.monotonic()
        try:
            epoch = await self._candidate.stand()
            self._condition.well("election")
            self._backoff.reset()
            if epoch is None:
                self._stand_by()
            else:
                await self._lead(epoch, stop)
        except ConfigurationError:
            raise
        except RowlockError as error:
            return self._went_away(error)
        except Exception as error:  # noqa: BLE001 - whatever it is, schedules must go on once it is mended
            _log.exception("The scheduler failed; it begins anew.")
            return self._went_away(RowlockError(f"The scheduler failed by a defect: {type(error).__name__}: {error}"))
        return self._settings.election_seconds

    async def _lead(self, epoch: int, stop: asyncio.Event) -> None:
        self.state = "leading"
        self._metrics.record_leader(ROLE, leads=True, epoch=epoch)
        _log.info("Elected: this scheduler leads.", holder=self.holder, epoch=epoch)
        lost = asyncio.Event()
        timers = self._timers(epoch, lost)
        timers.start()
        try:
            await self._hold(timers, stop, lost)
        except NotLeader as error:
            _log.warning("This scheduler leads no longer.", epoch=epoch, reason=str(error))
        finally:
            # A duty of an epoch that is over changes nothing any more, so there is no sense in waiting for it.
            await timers.stop(patience_seconds=PATIENCE_SECONDS if stop.is_set() else 0)
            await self._candidate.step_down()
            self._condition.well(*PRESSING)  # they are another's now
            self.state = "standby"
            self._metrics.record_leader(ROLE, leads=False)
            _log.info("The leader's lock is given up.", holder=self.holder, epoch=epoch)

    def _timers(self, epoch: int, lost: asyncio.Event) -> Timers:
        duties = Duties(self._database, self._metrics, self._condition, epoch=epoch, on_lost=lambda _: lost.set())
        timers = Timers()
        timers.every(self._settings.scheduler_tick_seconds, "fire", duties.fire)
        timers.every(ORDER_SECONDS, "order", duties.order)
        timers.every(RESCUE_SECONDS, "rescue", duties.rescue)
        timers.every(self._settings.maintenance_seconds, "maintain", duties.maintain, retry_seconds=POSTPONED_SECONDS)
        return timers

    async def _hold(self, timers: Timers, stop: asyncio.Event, lost: asyncio.Event) -> None:
        """Renews until `stop`; raises `NotLeader`. Renewal is no timer: it must not depend on the host's clock."""
        while not stop.is_set() and not lost.is_set():
            await self._candidate.renew()
            self._turned_at = time.monotonic()
            timers.follow_host_clock()
            await _first_of(stop, lost, within=self._candidate.renew_seconds)

    def _stand_by(self) -> None:
        if self.state != "standby":
            _log.info("Another scheduler leads; this one stands by.", holder=self.holder)
        self.state = "standby"

    def _went_away(self, error: RowlockError) -> float:
        self._condition.troubled("election", error)
        self.state = "away"
        return self._backoff.pause()


async def _first_of(*events: asyncio.Event, within: float) -> None:
    """Returns as soon as one of the events is set, or the time is over."""
    waits = [asyncio.ensure_future(event.wait()) for event in events]
    try:
        await asyncio.wait(waits, timeout=within, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()
        await asyncio.gather(*waits, return_exceptions=True)
