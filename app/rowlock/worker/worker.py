"""One worker: what it claims, what it holds, its heartbeat, and its end by stages.

Claims and finishes go over two connections and overlap. While the database is away it keeps running what it holds,
keeps the outcomes, and tries again for as long as it takes. It claims in `claiming`, runs what it holds in `held`, and
ends by the stages of `shutdown`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import partial

from rowlock.client import Rowlock
from rowlock.config import Settings
from rowlock.domain.backoff import Backoff
from rowlock.domain.errors import RowlockError
from rowlock.store.cancelling import cancelled
from rowlock.store.database import Database
from rowlock.telemetry.condition import Condition
from rowlock.telemetry.health import Health
from rowlock.telemetry.logs import get_logger
from rowlock.worker.asking import asking
from rowlock.worker.claiming import LONGEST_PAUSE_SECONDS, Claiming, pause
from rowlock.worker.heartbeat import Heartbeat
from rowlock.worker.held import Held
from rowlock.worker.registration import register, register_handlers, worker_name
from rowlock.worker.resting import Resting
from rowlock.worker.schedules import sync_schedules
from rowlock.worker.shutdown import Shutdown
from rowlock.worker.threads import HandlerThreads
from rowlock.worker.wakeups import Wakeups

log = get_logger("rowlock.worker")


class Worker:
    """Runs the handlers of an application until `stop()`."""

    def __init__(
        self,
        app: Rowlock,
        settings: Settings,
        database: Database,
        queues: Sequence[str],
        *,
        handlers: Database | None = None,
    ) -> None:
        """`handlers` is for what handlers ask of the database, `database` for all else."""
        app.check()
        self.app = app
        self.settings = settings
        self.database = database
        self.queues = list(queues)
        self.name = worker_name()
        self.id = 0
        self.condition = Condition("worker")
        self._asking = partial(asking, self.condition, patience_seconds=settings.heartbeat_seconds)
        self._stopping = asyncio.Event()
        self._hurry = asyncio.Event()
        self._cancel_asked = asyncio.Event()
        self._wakeups = Wakeups(
            database, self.queues, poll_seconds=settings.poll_seconds, on_cancel=self._heard_of_cancel
        )
        self.held = Held(
            app,
            settings,
            database,
            self.condition,
            self.queues,
            handlers=handlers or database,
            worker=self.name,
            worker_id=lambda: self.id,
            comes_back=self._wakeups.wake_in,
            wake=self._wakeups.wake,
        )
        self._shutdown = Shutdown(settings, self.held, hurry=self._hurry)
        self._heartbeat = Heartbeat(
            database, settings, self.held.attempts, self.held.unwritten, reregister=self._lose_registration
        )
        self._claiming = Claiming(
            database,
            settings,
            self.queues,
            resting=Resting(app.handlers.values(), self.queues, self.held.executors),
            held=self.held,
            heartbeat=self._heartbeat,
            wakeups=self._wakeups,
            condition=self.condition,
            worker_id=lambda: self.id,
            stopping=self._stopping,
        )

    async def run(self) -> None:
        """Works until `stop()` is called, then drains; returns when nothing is left. Raises what kept it from
        registering where it is told to stop before it has."""
        try:
            await self._register()
        except RowlockError:
            if self.id:
                await self._shutdown.leave(self.database, self.id)
            raise
        async with asyncio.TaskGroup() as jobs:
            beating = jobs.create_task(self._beat())
            background = [
                jobs.create_task(self.held.finisher.run()),
                jobs.create_task(self._wakeups.run()),
                jobs.create_task(self._claiming.sweep()),
                jobs.create_task(self._heed_cancel_requests()),
                jobs.create_task(sync_schedules(self.app, self.database, self.settings)),
            ]
            claims = jobs.create_task(self._claiming.run())
            await self._stopping.wait()
            await self._shut_down(claims, beating)
            await cancelled(beating, *background)
        self.held.executors.close()

    def stop(self) -> None:
        """Stops claiming; `run` drains and returns."""
        self._stopping.set()
        self._wakeups.wake()
        self.held.freed.set()

    def hurry(self) -> None:
        """Stops at once: what still runs has no more time to finish."""
        self._hurry.set()
        self.stop()

    @property
    def health(self) -> tuple[Health, str | None]:
        """What the worker says of itself: degraded in trouble with the database, as when it does not answer, unhealthy
        after a lease's length; the same where abandoned threads have taken places of others, and all of them; degraded
        where handlers cannot begin."""
        ailments = self.condition.ailments
        if not ailments:
            return self._health_of_executors
        lasting = ailments[0].seconds > self.settings.lease_seconds
        return ("unhealthy" if lasting else "degraded"), " ".join(self.condition.reasons)

    @property
    def _health_of_executors(self) -> tuple[Health, str | None]:
        executors = self.held.executors
        lacking = [threads for threads in (executors.threads, executors.step_threads) if threads.left < threads.size]
        if not lacking:
            return ("degraded" if executors.trouble else "healthy"), executors.trouble
        return ("degraded" if all(threads.left for threads in lacking) else "unhealthy"), " ".join(map(_lack, lacking))

    # -- heartbeats

    async def _beat(self) -> None:
        backoff = Backoff(0.1, LONGEST_PAUSE_SECONDS)
        while True:
            health, reason = self.health
            seconds = self.settings.heartbeat_seconds
            try:
                if not self.id:
                    await self._register()
                with self._asking("heartbeat"):
                    await self._heartbeat.beat(self.id, health, reason, draining=self._stopping.is_set())
            except RowlockError as error:
                self.condition.troubled("heartbeat", error)
                self._heartbeat.in_place = False  # an older worker may have come meanwhile
                seconds = min(seconds, backoff.pause())
            else:
                self.condition.well("heartbeat")
                backoff.reset()
            await asyncio.sleep(seconds)

    async def _heed_cancel_requests(self) -> None:
        while True:
            try:
                async with asyncio.timeout(self.settings.heartbeat_seconds):
                    await self._cancel_asked.wait()
            except TimeoutError:
                pass
            self._cancel_asked.clear()
            try:
                with self._asking("cancel"):
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
        """Enters the worker and its handlers; keeps trying while the database is away, and raises if told to stop."""
        backoff = Backoff(0.1, LONGEST_PAUSE_SECONDS)
        while True:
            try:
                with self._asking("register"):
                    if not self.id:
                        self.id, self._heartbeat.in_place = await register(
                            self.database, self.settings, self.name, self.queues
                        )
                    await register_handlers(self.database, self.app.handlers.values())
            except RowlockError as error:
                self.condition.troubled("register", error)
                await pause(backoff.pause(), self._stopping)
                if self._stopping.is_set():
                    raise
            else:
                self.condition.well("register")
                log.info("The worker is ready.", worker=self.name, worker_id=self.id, queues=self.queues)
                return

    # -- stopping

    async def _shut_down(self, claims: asyncio.Task[None], beating: asyncio.Task[None]) -> None:
        shutdown = self._shutdown
        await shutdown.stop_claiming(claims)
        await shutdown.drain()
        await shutdown.release()
        shutdown.force()
        await shutdown.say_goodbye(self.database, self.id, self.name, beating, in_doubt=self._claiming.in_doubt)


def _lack(threads: HandlerThreads) -> str:
    remedy = 'an end or executor="process"' if threads.what == "handler" else "an end"
    return (
        f"{threads.abandoned} threads run {threads.what}s whose attempts are over, so {threads.left} of {threads.size} "
        f"are left: restart the worker, and give those {threads.what}s {remedy}."
    )
