"""The claim loop of a worker: as long as there is room, it takes what is due.

A claim is on its way while what was claimed before runs. While the database is away it tries again for as long as it
takes; and after trouble it renews its leases first.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from functools import partial

from rowlock.config import Settings
from rowlock.domain.backoff import Backoff
from rowlock.domain.errors import RowlockError
from rowlock.domain.lanes import used_up
from rowlock.engine.claim import Claimer
from rowlock.store.database import Database
from rowlock.store.leases import claiming_link
from rowlock.store.links import Link
from rowlock.store.refusals import refusing
from rowlock.telemetry.condition import Condition
from rowlock.telemetry.metrics import process_metrics
from rowlock.worker.asking import asking
from rowlock.worker.heartbeat import Heartbeat
from rowlock.worker.held import Held
from rowlock.worker.resting import Resting
from rowlock.worker.wakeups import Wakeups

SWEEP_SECONDS = 1.0  # between two looks whether something is to be swept
LEASES_IN_DOUBT = 2  # after a claim that failed: one, and as long again for a server that went on with it
LONGEST_PAUSE_SECONDS = 2.0  # between two tries while the database is in trouble


class Claiming:
    """One worker's. It ends once `stopping` is set and `held.freed` or a wake-up lets it see that. From the queues that
    are `resting` nothing is claimed, and from others no more than there are places for."""

    def __init__(
        self,
        database: Database,
        settings: Settings,
        queues: Sequence[str],
        *,
        resting: Resting,
        held: Held,
        heartbeat: Heartbeat,
        wakeups: Wakeups,
        condition: Condition,
        worker_id: Callable[[], int],
        stopping: asyncio.Event,
    ) -> None:
        self._database = database
        self._resting = resting
        self._held = held
        self._heartbeat = heartbeat
        self._wakeups = wakeups
        self._condition = condition
        self._worker_id = worker_id
        self._stopping = stopping
        self._late = asyncio.Event()
        self._claimer = Claimer(
            queues,
            lease_seconds=settings.lease_seconds,
            lanes_per_scan=settings.lanes_per_scan,
            refresh_seconds=settings.lane_refresh_seconds,
            ahead_seconds=settings.poll_seconds,
        )
        self._asking = partial(asking, condition, patience_seconds=settings.heartbeat_seconds)
        self._link: Link | None = None
        self._failed_at = float("-inf")
        self._doubt_seconds = LEASES_IN_DOUBT * settings.lease_seconds

    async def run(self) -> None:
        """Claims until the worker stops, or it is cancelled."""
        try:
            await self._claim_on()
        except asyncio.CancelledError:
            self._failed_at = time.monotonic()
            raise
        finally:
            if self._link is not None:
                await self._link.close()

    async def _claim_on(self) -> None:
        recovering, backoff = False, Backoff(0.05, LONGEST_PAUSE_SECONDS)
        while not self._stopping.is_set():
            resting = self._resting.queues
            allowances = self._held.places.allowances()
            shut = resting | used_up(allowances)
            room = self._held.free_room() if len(shut) < len(self._claimer.queues) else 0
            if room <= 0:
                self._held.freed.clear()
                await self._held.freed.wait()
                continue
            try:
                with self._asking("claim"):
                    if recovering:
                        await self._heartbeat.renew_leases()  # first, or it may claim what it is still running
                    heard_of = self._wakeups.take_lanes()
                    link = await self._open_link(in_haste=bool(heard_of))
                    began = time.perf_counter()
                    in_place = self._heartbeat.in_place and self._held.is_quick
                    taken = await self._claimer.claim(
                        link,
                        self._worker_id(),
                        room,
                        heard_of=heard_of,
                        in_place=in_place,
                        resting=resting,
                        allowances=allowances,
                    )
            except RowlockError as error:
                self._condition.troubled("claim", error)
                recovering, self._failed_at = True, time.monotonic()
                self._claimer.missed_news()  # of what it had heard nothing may have been claimed
                await pause(backoff.pause(), self._stopping)
                continue
            seconds = time.perf_counter() - began
            if self._claimer.heard_late:
                self._late.set()
            if taken and self._stopping.is_set():
                self._held.give_back(taken)
            elif taken:
                self._held.begin(taken)  # they run while the next claim is on its way
                if len(taken) < room:
                    await asyncio.sleep(0)  # nothing urgent is left to be claimed: what is here begins first
                self._wakeups.found_work()
            process_metrics().record_claim(len(taken), seconds)
            self._condition.well("claim")
            recovering = False
            backoff.reset()
            if not taken:
                await self._wakeups.wait(at_most=self._claimer.idle_seconds)

    @property
    def in_doubt(self) -> bool:
        """Whether a claim has failed, or was given up, and may have taken what it never told of. Nobody has renewed
        that since, so its leases run out."""
        return time.monotonic() - max(self._failed_at, self._claimer.failed_at) < self._doubt_seconds

    async def sweep(self) -> None:
        """Finds what was committed late, or lost in its place, until cancelled."""
        while True:
            await pause(SWEEP_SECONDS, self._late)
            self._late.clear()
            if self._wakeups.take_missed():
                self._claimer.missed_news()
            try:
                with refusing():
                    if await self._claimer.sweep(self._database, news_come=self._wakeups.listening):
                        self._wakeups.wake()
            except RowlockError as error:
                self._condition.troubled("sweep", error)
            else:
                self._condition.well("sweep")

    async def _open_link(self, *, in_haste: bool = False) -> Link:
        """In haste nobody looks whether the connection was cut, for a server that has just been heard from is there."""
        if self._link is None or (self._link.closed if in_haste else self._link.broken):
            self._link = await claiming_link(self._database)
        return self._link


async def pause(seconds: float, over: asyncio.Event) -> None:
    """Sleeps for so long, but no longer than until the event, such as that the worker stops."""
    try:
        async with asyncio.timeout(seconds):
            await over.wait()
    except TimeoutError:
        return
