"""What the leader does again and again: fire, carry out orders, rescue, maintain. A duty that fails stops no other.

Losing the epoch is not a failure but the end: `on_lost` is told, and steps down.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from math import nan

from rowlock.domain.errors import NotLeader, RowlockError
from rowlock.engine.fire import fire_due
from rowlock.engine.rescue import adopt_leases, rescue_abandoned
from rowlock.engine.retain import maintain
from rowlock.engine.schedule_orders import carry_out_orders
from rowlock.store.database import Database
from rowlock.store.maintenance import days_ahead
from rowlock.store.reading import Reading
from rowlock.telemetry.condition import Condition
from rowlock.telemetry.logs import get_logger
from rowlock.telemetry.metrics import Metrics

PRESSING = ("fire", "rescue")  # they come every second; maintenance may well be postponed, and tells by its metric

_log = get_logger("rowlock.scheduler")


class Duties:
    """The leader's duties during one epoch. None raises; each says whether it was done to the end."""

    def __init__(
        self,
        database: Database,
        metrics: Metrics,
        condition: Condition,
        *,
        epoch: int,
        on_lost: Callable[[NotLeader], None],
    ) -> None:
        self._database = database
        self._metrics = metrics
        self._condition = condition
        self._epoch = epoch
        self._on_lost = on_lost
        self._fired_at = time.monotonic()
        self._adopted = False  # whether nothing is left that workers of older versions held

    async def fire(self) -> bool:
        """One tick over the due schedules."""
        done = await self._attend("fire", self._fire)
        if not done:
            # What is due cannot be asked for; since the last good tick it can only have grown older.
            self._metrics.schedule_lag_seconds.set(time.monotonic() - self._fired_at)
        return done

    async def order(self) -> bool:
        """Carries out what SQL has asked of schedules."""
        return await self._attend("order", self._order)

    async def rescue(self) -> bool:
        """Takes back what vanished workers held."""
        return await self._attend("rescue", self._rescue)

    async def maintain(self) -> bool:
        """Makes and drops partitions, forgets what expired; not done where a part was postponed."""
        done = await self._attend("maintain", self._maintain)
        await self._attend("maintain", self._tell_days_ahead)  # whatever became of the round: they run out without it
        return done

    async def _fire(self) -> bool:
        report = await fire_due(self._database, self._epoch)
        self._fired_at = time.monotonic()
        metrics = self._metrics
        metrics.schedule_lag_seconds.set(report.lag_seconds)
        metrics.schedule_windows.labels("fired").inc(report.fired)
        metrics.schedule_windows.labels("skipped").inc(report.skipped)
        metrics.schedule_errors.inc(report.broken)
        metrics.record_submitted(report.submitted, "schedule")
        for drift in report.drifts:
            metrics.schedule_drift_seconds.observe(drift)
        return True

    async def _order(self) -> bool:
        report = await carry_out_orders(self._database)
        if report.refused:
            _log.warning("Orders from SQL are refused; rowlock.schedule_orders says why.", orders=report.refused)
        return True

    async def _rescue(self) -> bool:
        adopted, self._adopted = self._adopted, False  # who is gone is not told again, if this round fails
        report = await rescue_abandoned(self._database)
        self._metrics.rescues.labels("attempts_exhausted").inc(report.buried)
        self._metrics.rescues.labels("worker_gone").inc(report.given_back)
        self._metrics.rescues.labels("to_run_alone").inc(report.spared)
        self._metrics.tasks_expired.inc(report.expired)
        if (
            report.older_workers_gone or not adopted
        ):  # last, for it may take long, and must keep nothing else from being done
            await adopt_leases(self._database)
        self._adopted = True
        return True

    async def _maintain(self) -> bool:
        report = await maintain(self._database)
        self._metrics.maintenance_seconds.observe(report.seconds)
        return not report.postponed

    async def _tell_days_ahead(self) -> bool:
        days = await days_ahead(Reading(self._database))
        self._metrics.partitions_ahead_days.set(nan if days is None else days)
        return True

    async def _attend(self, duty: str, work: Callable[[], Awaitable[bool]]) -> bool:
        try:
            done = await work()
        except NotLeader as error:
            self._on_lost(error)
        except RowlockError as error:
            self._metrics.duty_failures.labels(duty).inc()
            if duty in PRESSING:
                self._condition.troubled(duty, error)
            else:
                _log.warning("A duty of the leader failed; it comes again.", duty=duty, error=str(error))
        except Exception:  # noqa: BLE001 - a defect in one duty must not silence the others
            self._metrics.duty_failures.labels(duty).inc()
            _log.exception("A duty of the leader failed; it comes again.", duty=duty)
        else:
            self._condition.well(duty)
            return done
        return False
