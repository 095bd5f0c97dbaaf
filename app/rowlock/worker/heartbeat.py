"""Heartbeats: the worker's own row, and the leases of what it holds until that is written."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from itertools import chain

from rowlock.config import Settings
from rowlock.engine.renew import renew
from rowlock.store import leases, workers
from rowlock.store.database import Database
from rowlock.telemetry.health import Health
from rowlock.telemetry.logs import get_logger
from rowlock.telemetry.metrics import process_metrics
from rowlock.worker.attempt import Attempt, Stop
from rowlock.worker.registration import expires_seconds

log = get_logger("rowlock.heartbeat")


class Heartbeat:
    """One worker's heartbeat. `held` maps lease tokens to attempts, and `unwritten` to those that have ended."""

    def __init__(
        self,
        database: Database,
        settings: Settings,
        held: Mapping[int, Attempt],
        unwritten: Mapping[int, Attempt],
        *,
        reregister: Callable[[], None],
    ) -> None:
        self._database = database
        self._settings = settings
        self._held = held
        self._unwritten = unwritten
        self._reregister = reregister
        self.in_place = False  # whether all workers that live know of claims in place

    async def beat(self, worker_id: int, health: Health, reason: str | None, *, draining: bool) -> None:
        """Renews the leases that are a third used up, then writes the worker's row."""
        await self.renew_leases()
        in_place = await workers.beat(
            self._database,
            worker_id,
            expires_seconds=expires_seconds(self._settings),
            running=len(self._held),
            health=health,
            health_reason=reason,
            draining=draining,
        )
        process_metrics().record_worker(running=len(self._held), concurrency=self._settings.concurrency)
        if in_place is None:
            self._reregister()
        else:
            self.in_place = in_place

    async def renew_leases(self) -> None:
        """Renews what is due; attempts that were asked to stop, or whose lease is lost, are told."""
        now = time.monotonic()
        kept = chain(self._held.values(), self._unwritten.values())
        aged = [a for a in kept if now - a.held_since >= self._settings.lease_seconds / 3]
        if not aged:
            return
        held = [attempt.task for attempt in aged]
        found = await renew(self._database, held, lease_seconds=self._settings.lease_seconds)
        process_metrics().lease_renewals.inc(len(found.renewed))
        for attempt in aged:
            token = attempt.task.lease_token
            if token in found.renewed:
                attempt.held_since = now
            if token not in self._held:
                continue  # it has ended
            if token in found.cancel_requested:
                attempt.request_stop(Stop.CANCEL_REQUESTED)
            elif token in found.lost:
                process_metrics().leases_lost.inc()
                log.warning("A lease is lost; its attempt is stopped.", task_id=str(attempt.task.id))
                attempt.request_stop(Stop.LEASE_LOST)

    async def heed_cancel_requests(self, worker_id: int) -> None:
        """Asks which attempts of this worker are to stop."""
        if not self._held:
            return
        queues = sorted({attempt.task.queue for attempt in self._held.values()})
        for token in await leases.cancel_requests(self._database, worker_id, queues):
            attempt = self._held.get(token)
            if attempt is not None:
                attempt.request_stop(Stop.CANCEL_REQUESTED)
