"""One worker: its claims, its running attempts, and its end by stages.

What it holds is bounded by its concurrency: it claims only what it can run. Claims and finishes go over two connections
and overlap. While the database is away it keeps running what it holds, keeps the outcomes, and tries again for as long
as it takes. It ends by the stages of `shutdown`.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, partial

from rowlock.client import Rowlock
from rowlock.config import Settings
from rowlock.domain.backoff import Backoff
from rowlock.domain.decide import Result
from rowlock.domain.errors import RowlockError
from rowlock.engine.claim import Claimer
from rowlock.engine.endings import RELEASED, cancelled, given_back, put_off
from rowlock.engine.finish import Ending, Finisher, Way
from rowlock.store.database import Database
from rowlock.store.leases import ClaimedTask, claiming_link
from rowlock.store.links import Link
from rowlock.telemetry.condition import Condition
from rowlock.telemetry.logs import get_logger
from rowlock.telemetry.metrics import Health, process_metrics
from rowlock.worker.alone import Turns
from rowlock.worker.attempt import Attempt, Stop, Surroundings
from rowlock.worker.executors import Executors
from rowlock.worker.heartbeat import Heartbeat
from rowlock.worker.performing import PUT_OFF_SECONDS, Performer
from rowlock.worker.registration import register, register_handlers, worker_name
from rowlock.worker.reporter import DatabaseReporter
from rowlock.worker.runners import Runners
from rowlock.worker.schedules import sync_schedules
from rowlock.worker.shutdown import Shutdown
from rowlock.worker.wakeups import Wakeups

log = get_logger("rowlock.worker")
LONGEST_PAUSE_SECONDS = 2.0  # between two tries while the database is in trouble


@dataclass(slots=True)
class Figures:
    """What a worker has done, for its last log line."""

    claimed: int = 0
    finished: int = 0
    lost: int = 0
    released: int = 0
    abandoned: int = 0


class Worker:
    """Runs the handlers of an application until `stop()`."""

    def __init__(self, app: Rowlock, settings: Settings, database: Database, queues: Sequence[str]) -> None:
        app.check()
        self.app = app
        self.settings = settings
        self.database = database
        self.queues = list(queues)
        self.name = worker_name()
        self.id = 0
        self.figures = Figures()
        self._held: dict[int, Attempt] = {}
        self._alone: set[int] = set()  # tokens of what is held and must run alone
        self._unwritten = 0
        self._room = asyncio.Event()
        self._quiet = asyncio.Event()
        self._stopping = asyncio.Event()
        self._hurry = asyncio.Event()
        self.condition = Condition("worker")
        self._executors = Executors(
            threads=min(settings.threads, settings.concurrency),
            child_processes=settings.child_processes,
            preload={h.function.__module__ for h in app.handlers.values() if h.executor == "process"} - {"__main__"},
        )
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
        self._turns = Turns(lambda: len(self._held), patience_seconds=settings.lease_seconds)
        self._runners = Runners(self._perform)
        self._performer = Performer(
            app,
            database,
            self._executors,
            self._turns,
            max_result_bytes=settings.max_result_bytes,
            troubled=partial(self.condition.troubled, "claim"),
        )

    @cached_property
    def _surroundings(self) -> Surroundings:
        """Made when the event loop runs that the attempts will run on."""
        return Surroundings(
            DatabaseReporter(self.database),
            asyncio.get_running_loop(),
            self.name,
            grace_seconds=self.settings.cancel_grace_seconds,
            force_seconds=self.settings.force_seconds,
            on_abandoned=self._abandon,
        )

    async def run(self) -> None:
        """Works until `stop()` is called, then drains; returns when nothing is left."""
        await self._register()
        async with asyncio.TaskGroup() as jobs:
            beating = jobs.create_task(self._beat())
            background = [
                jobs.create_task(self._finisher.run()),
                jobs.create_task(self._wakeups.run()),
                jobs.create_task(self._heed_cancel_requests()),
                jobs.create_task(sync_schedules(self.app, self.database, self.settings)),
            ]
            claims = jobs.create_task(self._claim())
            await self._stopping.wait()
            self._wakeups.wake()
            self._room.set()
            began = time.monotonic()
            await claims
            await self._shut_down(time.monotonic() - began, beating)
            for job in (beating, *background):
                job.cancel()
        self._executors.close()

    def stop(self) -> None:
        """Stops claiming; `run` drains and returns."""
        self._stopping.set()
        self._wakeups.wake()
        self._room.set()

    def hurry(self) -> None:
        """Stops at once: what still runs has no more time to finish."""
        self._hurry.set()
        self.stop()

    @property
    def health(self) -> tuple[Health, str | None]:
        """What the worker says of itself: degraded in trouble with the database, unhealthy after a lease's length; the
        same where abandoned threads have taken places of others, and all of them."""
        ailments = self.condition.ailments
        if not ailments:
            return self._health_of_threads
        lasting = ailments[0].seconds > self.settings.lease_seconds
        return ("unhealthy" if lasting else "degraded"), " ".join(self.condition.reasons)

    @property
    def _health_of_threads(self) -> tuple[Health, str | None]:
        threads = self._executors.threads
        if threads.left == threads.size:
            return "healthy", None
        reason = (
            f"{threads.abandoned} threads run handlers whose attempts are over, so {threads.left} of {threads.size} "
            'are left: restart the worker, and give those handlers an end or executor="process".'
        )
        return ("degraded" if threads.left else "unhealthy"), reason

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
                taken = await self._claimer.claim(link, self.id, room, heard_of=self._wakeups.take_lanes())
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
                self._begin(taken)  # they run while the next claim is on its way
                if len(taken) < room:
                    await asyncio.sleep(0)  # nothing urgent is left to be claimed: what is here begins first
            else:
                await self._wakeups.wait()
        if link is not None:
            await link.close()

    def _free_room(self) -> int:
        """How much a claim may take; nothing while one is to run alone. Outcomes on their way are bounded too.

        No claim takes more than half of what may run at once, so that one half runs while the other is claimed.
        """
        if self._alone:
            return 0
        running, most = len(self._held), self.settings.concurrency
        return min(
            self.settings.claim_batch,
            (most + 1) // 2,
            most - running,
            2 * max(most, self.settings.claim_batch) - running - self._unwritten,
        )

    async def _pause(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._stopping.wait()
        except TimeoutError:
            return

    # -- running

    def _begin(self, taken: list[ClaimedTask]) -> None:
        self.figures.claimed += len(taken)
        attempts = [Attempt(task, self._surroundings) for task in taken]
        self._held.update((attempt.task.lease_token, attempt) for attempt in attempts)
        self._alone.update(task.lease_token for task in taken if task.must_run_alone)
        if not self._stopping.is_set():
            self._runners.put(attempts)
            return
        for attempt in attempts:
            self._end(attempt, given_back(attempt.task, begun=False))

    async def _perform(self, attempt: Attempt) -> None:
        """The whole of an attempt. One that was abandoned meanwhile has ended without what comes of it here."""
        ending = None
        if attempt.stop is None:  # else it was stopped before it came to this
            try:
                ending = await self._performer.perform(attempt)
            except asyncio.CancelledError:
                ending = None
            except Exception:  # whatever it is, the attempt must not be held for ever
                log.exception("An attempt could not be run.", task_id=str(attempt.task.id))
                ending = put_off(attempt.task, RELEASED, PUT_OFF_SECONDS)
        if attempt.task.lease_token not in self._held:
            return
        if ending is None:
            self._end_stopped(attempt)
        else:
            self._end(attempt, ending)

    def _end_stopped(self, attempt: Attempt) -> None:
        """An attempt that was stopped from outside: its lease is lost, or the worker gives it back."""
        if attempt.stop is Stop.LEASE_LOST:
            self.figures.lost += 1
            self._forget(attempt)
        elif attempt.cancel_requested:
            self._end(attempt, cancelled(attempt.task))
        else:
            self._end(attempt, given_back(attempt.task, begun=attempt.begun))

    def _abandon(self, attempt: Attempt, result: Result) -> None:
        """The handler cannot be stopped: its attempt ends without it, and the fence refuses what it writes later."""
        if attempt.task.lease_token not in self._held:
            return
        self.figures.abandoned += 1
        process_metrics().abandoned_attempts.labels("async").inc()
        log.error(
            "A handler goes on though it was cancelled; its attempt has ended without it.",
            task_id=str(attempt.task.id),
            task_name=attempt.task.name,
            attempt=attempt.task.attempt,
        )
        if attempt.cancel_requested or attempt.stop is None:
            self._end(attempt, self._performer.abandoned(attempt, result))
        else:
            self._end_stopped(attempt)

    def _end(self, attempt: Attempt, ending: Ending) -> None:
        self._forget(attempt)
        self._unwritten += 1
        self._finisher.put(ending)
        if ending.said is not None and ending.said.error and ending.way is not Way.CANCEL:
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
        self._alone.discard(attempt.task.lease_token)
        if not self._held:
            self._quiet.set()
        self._turns.move()
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
        released = sum(ending.outcome == RELEASED for ending in endings)
        self.figures.released += released
        self.figures.finished += len(endings) - released
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

    async def _shut_down(self, seconds: float, beating: asyncio.Task[None]) -> None:
        shutdown = Shutdown(
            self.settings, self._held, self._finisher, self.figures, quiet=self._quiet, hurry=self._hurry
        )
        shutdown.claiming_has_stopped(seconds)
        await shutdown.drain()
        await shutdown.release()
        shutdown.force()
        await shutdown.say_goodbye(self.database, self.id, self.name, beating)
