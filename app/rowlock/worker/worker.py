"""One worker: its claims, its running attempts, and its end by stages.

What it holds is bounded by its concurrency: it claims only what it can run. Claims and finishes go over two connections
and overlap. While the database is away it keeps running what it holds, keeps the outcomes, and tries again for as long
as it takes. It ends by stages: stop claiming, let tasks finish, give back what is left, say goodbye.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from rowlock.client import Rowlock
from rowlock.config import Settings
from rowlock.domain.backoff import Backoff
from rowlock.domain.errors import RowlockError
from rowlock.engine.claim import Claimer
from rowlock.engine.endings import ending_of, given_back, put_off
from rowlock.engine.finish import Ending, Finisher, Way
from rowlock.store import workers
from rowlock.store.database import Database
from rowlock.store.leases import ClaimedTask, claiming_link
from rowlock.store.links import Link
from rowlock.telemetry.condition import Condition
from rowlock.telemetry.logs import get_logger
from rowlock.telemetry.metrics import Health, process_metrics
from rowlock.worker.attempt import Attempt, Stop
from rowlock.worker.executors import Executors
from rowlock.worker.heartbeat import Heartbeat
from rowlock.worker.registration import register, register_handlers, worker_name
from rowlock.worker.reporter import DatabaseReporter
from rowlock.worker.schedules import sync_schedules
from rowlock.worker.wakeups import Wakeups

log = get_logger("rowlock.worker")
LONGEST_PAUSE_SECONDS = 2.0  # between two tries while the database is in trouble
PUT_OFF_SECONDS = 15.0  # a task that no handler here can run is looked at again after this


@dataclass(slots=True)
class Figures:
    """What a worker has done, for its last log line."""

    claimed: int = 0
    finished: int = 0
    lost: int = 0
    released: int = 0


class Worker:
    """Runs the handlers of an application until `stop()`."""

    def __init__(self, app: Rowlock, settings: Settings, database: Database, queues: Sequence[str]) -> None:
        self.app = app
        self.settings = settings
        self.database = database
        self.queues = list(queues)
        self.name = worker_name()
        self.id = 0
        self.figures = Figures()
        self._held: dict[int, Attempt] = {}
        self._unwritten = 0
        self._room = asyncio.Event()
        self._quiet = asyncio.Event()
        self._stopping = asyncio.Event()
        self.condition = Condition("worker")
        self._executors = Executors(
            threads=min(settings.threads, settings.concurrency),
            child_processes=settings.child_processes,
            preload={h.function.__module__ for h in app.handlers.values() if h.executor == "process"} - {"__main__"},
        )
        self._reporter = DatabaseReporter(database)
        self._claimer = Claimer(
            self.queues,
            lease_seconds=settings.lease_seconds,
            lanes_per_scan=settings.lanes_per_scan,
            refresh_seconds=settings.lane_refresh_seconds,
        )
        self._finisher = Finisher(
            database,
            lambda: self.id,
            batch=settings.finish_batch,
            settled=self._settled,
            troubled=partial(self.condition.troubled, "finish"),
        )
        self._wakeups = Wakeups(
            database, self.queues, poll_seconds=settings.poll_seconds, on_cancel=self._heard_of_cancel
        )
        self._heartbeat = Heartbeat(database, settings, self._held, reregister=self._lose_registration)
        self._cancel_asked = asyncio.Event()

    async def run(self) -> None:
        """Works until `stop()` is called, then drains; returns when nothing is left."""
        await self._register()
        async with asyncio.TaskGroup() as jobs:
            background = [
                jobs.create_task(self._finisher.run()),
                jobs.create_task(self._wakeups.run()),
                jobs.create_task(self._beat()),
                jobs.create_task(self._heed_cancel_requests()),
                jobs.create_task(sync_schedules(self.app, self.database, self.settings)),
            ]
            claims = jobs.create_task(self._claim())
            await self._stopping.wait()
            self._wakeups.wake()
            self._room.set()
            await claims
            await self._drain()
            for job in background:
                job.cancel()
        self._executors.close()

    def stop(self) -> None:
        """Stops claiming; `run` drains and returns."""
        self._stopping.set()
        self._wakeups.wake()
        self._room.set()

    @property
    def health(self) -> tuple[Health, str | None]:
        """What the worker says of itself: degraded in trouble with the database, unhealthy after a lease's length."""
        ailments = self.condition.ailments
        if not ailments:
            return "healthy", None
        lasting = ailments[0].seconds > self.settings.lease_seconds
        return ("unhealthy" if lasting else "degraded"), " ".join(self.condition.reasons)

    # -- claiming

    async def _claim(self) -> None:
        link: Link | None = None
        recovering, backoff = False, Backoff(0.05, LONGEST_PAUSE_SECONDS)
        while not self._stopping.is_set():
            room = self._free_room()
            if room <= 0:
                self._room.clear()
                await self._room.wait()
                continue
            try:
                if recovering:
                    await self._heartbeat.renew_leases()  # first, or it may claim what it is still running
                if link is None or link.broken:
                    link = await claiming_link(self.database)
                began = time.perf_counter()
                taken = await self._claimer.claim(link, self.id, min(room, self.settings.claim_batch))
            except RowlockError as error:
                self.condition.troubled("claim", error)
                recovering = True
                await self._pause(backoff.pause())
                continue
            process_metrics().record_claim(len(taken), time.perf_counter() - began)
            self.condition.well("claim")
            recovering = False
            backoff.reset()
            if taken:
                self._wakeups.found_work()
                self._begin(taken)
                await asyncio.sleep(0)
            else:
                await self._wakeups.wait()
        if link is not None:
            await link.close()

    def _free_room(self) -> int:
        """Slots for new attempts. Outcomes on their way take no slot, but are bounded too."""
        running = len(self._held)
        return min(
            self.settings.concurrency - running,
            2 * max(self.settings.concurrency, self.settings.claim_batch) - running - self._unwritten,
        )

    async def _pause(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._stopping.wait()
        except TimeoutError:
            return

    # -- running

    def _begin(self, taken: list[ClaimedTask]) -> None:
        loop = asyncio.get_running_loop()
        self.figures.claimed += len(taken)
        for task in taken:
            attempt = Attempt(task, self._reporter, loop)
            self._held[task.lease_token] = attempt
            if self._stopping.is_set():
                self._end(attempt, given_back(task, begun=False))
            else:
                attempt.job = loop.create_task(self._perform(attempt))
                if task.cancel_requested:
                    attempt.request_stop(Stop.CANCEL_REQUESTED)

    async def _perform(self, attempt: Attempt) -> None:
        task = attempt.task
        handler = self.app.handlers.get(task.name)
        if handler is None:
            self._end(attempt, put_off(task, "no_handler", PUT_OFF_SECONDS))
            return
        if task.payload_version > handler.payload_version:
            self._end(attempt, put_off(task, "unknown_version", PUT_OFF_SECONDS))
            return
        try:
            transition = await attempt.perform(handler, self.app.middlewares, self._executors, self.name)
        except asyncio.CancelledError:
            self._end_stopped(attempt)
            return
        self._end(attempt, ending_of(task, transition, max_result_bytes=self.settings.max_result_bytes))

    def _end_stopped(self, attempt: Attempt) -> None:
        """An attempt that was stopped from outside: its lease is lost, or the worker gives it back."""
        if attempt.stop is Stop.LEASE_LOST:
            self.figures.lost += 1
            self._forget(attempt)
        else:
            self._end(attempt, given_back(attempt.task, begun=attempt.begun))

    def _end(self, attempt: Attempt, ending: Ending) -> None:
        self._forget(attempt)
        self._unwritten += 1
        self._finisher.put(ending)
        if ending.said is not None and ending.said.error:
            log.warning(
                "An attempt failed.",
                task_id=str(attempt.task.id),
                task_name=attempt.task.name,
                attempt=attempt.task.attempt,
                outcome=ending.way.value,
                reason=ending.said.reason,
                error=ending.said.error,
            )

    def _forget(self, attempt: Attempt) -> None:
        self._held.pop(attempt.task.lease_token, None)
        if not self._held:
            self._quiet.set()
        self._room.set()

    def _settled(self, endings: list[Ending], accepted: set[int] | None) -> None:
        self._unwritten -= len(endings)
        self._room.set()
        self.condition.well("finish")
        if accepted is not None and len(accepted) < len(endings):
            for ending in endings:
                if ending.task.lease_token not in accepted:
                    self.figures.lost += 1
                    process_metrics().leases_lost.inc()
                    log.warning("An outcome came too late: its lease is lost.", task_id=str(ending.task.id))
        self.figures.released += sum(e.outcome == "released" for e in endings)
        self.figures.finished += sum(e.outcome != "released" for e in endings)
        now = time.time()
        process_metrics().record_finished(
            (e.task.queue, e.task.name, e.outcome, e.task.wait_seconds, max(0.0, now - e.task.claimed_epoch))
            for e in endings
            if e.way is not Way.RELEASE
        )

    # -- heartbeats

    async def _beat(self) -> None:
        backoff = Backoff(0.1, LONGEST_PAUSE_SECONDS)
        while True:
            health, reason = self.health
            pause = self.settings.heartbeat_seconds
            try:
                if not self.id:
                    await self._register()
                await self._heartbeat.beat(self.id, health, reason, draining=self._stopping.is_set())
            except RowlockError as error:
                self.condition.troubled("heartbeat", error)
                pause = min(pause, backoff.pause())
            else:
                self.condition.well("heartbeat")
                backoff.reset()
            await asyncio.sleep(pause)

    async def _heed_cancel_requests(self) -> None:
        while True:
            try:
                async with asyncio.timeout(self.settings.heartbeat_seconds):
                    await self._cancel_asked.wait()
            except TimeoutError:
                pass
            self._cancel_asked.clear()
            try:
                await self._heartbeat.heed_cancel_requests(self.id)
            except RowlockError as error:
                self.condition.troubled("cancel", error)
            else:
                self.condition.well("cancel")

    def _heard_of_cancel(self, worker_id: int) -> None:
        if worker_id == self.id:
            self._cancel_asked.set()

    def _lose_registration(self) -> None:
        log.warning("The worker's row is gone; it registers anew.", worker_id=self.id)
        self.id = 0

    async def _register(self) -> None:
        """Enters the worker and its handlers; keeps trying while the database is away."""
        backoff = Backoff(0.1, LONGEST_PAUSE_SECONDS)
        while True:
            try:
                self.id = await register(self.database, self.settings, self.name, self.queues)
                await register_handlers(self.database, self.app.handlers.values())
            except RowlockError as error:
                self.condition.troubled("register", error)
                await self._pause(backoff.pause())
                if self._stopping.is_set():
                    raise
            else:
                self.condition.well("register")
                log.info("The worker is ready.", worker=self.name, worker_id=self.id, queues=self.queues)
                return

    # -- stopping

    async def _drain(self) -> None:
        """Lets what runs finish, gives back what does not in time, and writes every outcome."""
        for attempt in list(self._held.values()):
            if not attempt.begun:
                attempt.request_stop(Stop.WORKER_STOPS)
        await self._until_quiet(self.settings.drain_seconds)
        for attempt in list(self._held.values()):
            attempt.request_stop(Stop.WORKER_STOPS)
        await self._until_quiet(5)
        try:
            async with asyncio.timeout(max(5.0, self.settings.connect_seconds)):
                await self._finisher.flushed()
                await workers.stop_worker(self.database, self.id)
        except (TimeoutError, RowlockError) as error:
            log.error("The worker could not say goodbye; its leases will run out by themselves.", error=str(error))
        figures = self.figures
        log.info(
            "The worker has stopped.",
            worker=self.name,
            claimed=figures.claimed,
            finished=figures.finished,
            released=figures.released,
            lost=figures.lost,
            left_behind=len(self._held),
        )

    async def _until_quiet(self, seconds: float) -> None:
        if not self._held:
            return
        self._quiet.clear()
        try:
            async with asyncio.timeout(seconds):
                await self._quiet.wait()
        except TimeoutError:
            return
