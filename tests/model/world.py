"""The real engine on a real database, asked in the reference's words, at the reference's time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, TypeVar
from uuid import UUID

from tests.harness.installation import settings_for
from tests.harness.scripts import run_script
from tests.harness.virtual_clock import install_clock, read_clock, set_clock
from tests.model.reference import ACCEPTED, LOST, Request
from tests.model.schedule import Schedule

from rowlock.domain.errors import RowlockError
from rowlock.domain.priorities import Priority
from rowlock.domain.requests import task_request
from rowlock.domain.schedule_requests import schedule_request
from rowlock.domain.steps import StepName
from rowlock.engine import operate, schedules
from rowlock.engine.claim import Claimer
from rowlock.engine.enqueue import enqueue
from rowlock.engine.fire import fire_due
from rowlock.engine.renew import renew
from rowlock.engine.rescue import rescue_abandoned
from rowlock.engine.retain import maintain
from rowlock.store import leaders, leases, steps, workers
from rowlock.store.database import Database
from rowlock.store.leases import ClaimedTask, FailedAttempt
from rowlock.store.links import Link
from rowlock.store.steps import FinishedStep

T = TypeVar("T")
ACTOR = operate.Actor("test")
SWEEP = """
TRUNCATE rowlock.tasks_live, rowlock.idempotency_keys, rowlock.workers, rowlock.queues, rowlock.limits;
DELETE FROM rowlock.tasks; DELETE FROM rowlock.executions; DELETE FROM rowlock.steps;
DELETE FROM rowlock.schedules; DELETE FROM rowlock.schedule_windows
"""


WINDOWS = """
SELECT window_at, outcome, reason, task_id, passed_after FROM rowlock.schedule_windows
 WHERE schedule_id = %(id)s AND window_at > %(cursor)s
"""


@dataclass
class World:
    """One installation, swept between examples; time goes on through all of them."""

    runner: asyncio.Runner
    database: Database
    link: Link
    now: datetime
    maintained_at: datetime
    seconds: float = 0  # of the workers' monotonic clocks
    claimers: dict[int, Claimer] = field(default_factory=dict)

    @classmethod
    def on(cls, url: str, runner: asyncio.Runner) -> World:
        database = Database(settings_for(url, pool_max=2))

        async def begin() -> World:
            link = await leases.claiming_link(database)
            await install_clock(link)
            now = await read_clock(link)
            return cls(runner, database, link, now, maintained_at=now)

        return runner.run(begin())

    def close(self) -> None:
        self.do(self.link.close())
        self.do(self.database.close())

    def do(self, what: Coroutine[Any, Any, T]) -> T:
        return self.runner.run(what)

    def answer(self, what: Awaitable[T], told: Callable[[T], Any] = lambda said: said) -> Any:
        """What is said, or the name of the refusal."""

        async def asked() -> Any:
            try:
                return told(await what)
            except RowlockError as refusal:
                return type(refusal).__name__

        return self.do(asked())

    def sweep(self) -> None:
        """Begins anew, at noon: the same time of day in each example, so that a failing one fails again."""
        self.do(run_script(self.link, SWEEP))
        noon = self.now.replace(hour=12, minute=0, second=0, microsecond=0)
        self.move_to(noon if noon >= self.now else noon + timedelta(days=1))
        if self.now - self.maintained_at > timedelta(days=7):  # long before partitions run out
            self.maintain()
        self.claimers.clear()

    def move_to(self, now: datetime) -> None:
        self.now = now
        self.do(set_clock(self.link, now))

    # What callers, workers and people do, one method for each of the reference's.

    def enqueue(self, request: Request) -> tuple[UUID, bool] | str:
        asked = task_request(
            "noop",
            {"n": request.payload},
            id=request.id,
            queue=request.queue,
            priority=request.priority,
            flow_key=request.flow_key,
            delay=request.delay,
            expires_in=request.expires_in,
            max_attempts=request.max_attempts,
            unique_key=request.unique_key,
            on_duplicate=request.on_duplicate,  # type: ignore[arg-type]
            idempotency_key=request.idempotency_key,
        )
        return self.answer(enqueue(self.database, request.tenant, asked), lambda stored: (stored.id, stored.created))

    def register(self, queue: str, expires_seconds: int) -> int:
        number, _ = self.do(
            workers.register_worker(
                self.link,
                name="w",
                hostname="h",
                pid=1,
                version="1",
                queues=[queue],
                concurrency=9,
                expires_seconds=expires_seconds,
            )
        )
        self.claimers[number] = Claimer(
            [queue], lease_seconds=30, lanes_per_scan=100, refresh_seconds=0.5, monotonic=lambda: self.seconds
        )
        return number

    def beat(self, worker: int, expires_seconds: int) -> bool:
        in_place = self.do(
            workers.beat(
                self.link,
                worker,
                expires_seconds=expires_seconds,
                running=0,
                health="healthy",
                health_reason=None,
                draining=False,
            )
        )
        return in_place is not None

    def claim(self, worker: int, room: int, *, thorough: bool) -> list[ClaimedTask]:
        """A thorough claim comes long after the last one, and after a sweep, and so finds what lies before floors."""
        self.seconds += 60 if thorough else 1
        if thorough:
            self.do(self.claimers[worker].sweep(self.database))
        return self.do(self.claimers[worker].claim(self.link, worker, room))

    def complete(self, task: ClaimedTask) -> str:
        return self._told(leases.complete(self.link, [task.id], [task.lease_token]), task)

    def complete_with(self, task: ClaimedTask, result: int) -> str:
        said = leases.complete_with_results(self.link, [task.id], [task.lease_token], [str(result)], [1])
        return self._told(said, task)

    def bury(self, task: ClaimedTask) -> str:
        return self._told(leases.bury(self.link, [_said(task, "failed")]), task)

    def acknowledge_cancel(self, task: ClaimedTask) -> str:
        return self._told(leases.acknowledge_cancel(self.link, [_said(task, "cancelled")]), task)

    def retry(self, task: ClaimedTask, delay: int) -> str:
        return self._told(leases.retry(self.link, [_said(task, "failed", delay)], worker_id=1), task)

    def snooze(self, task: ClaimedTask, delay: int) -> str:
        return self._told(leases.snooze(self.link, [_said(task, "snoozed", delay)], worker_id=1), task)

    def defer(self, task: ClaimedTask, delay: int) -> str:
        said = FailedAttempt(task.id, task.lease_token, "released", "no_handler", delay_seconds=delay)
        return self._told(leases.defer(self.link, [said]), task)

    def release(self, task: ClaimedTask) -> str:
        count = self.do(leases.release(self.link, [task.id], [task.lease_token]))
        return ACCEPTED if count else LOST

    def renew(self, task: ClaimedTask) -> str:
        said = self.do(renew(self.database, [task], lease_seconds=30))
        if task.lease_token in said.lost:
            return LOST
        assert said.renewed == {task.lease_token}
        return "asked to stop" if said.cancel_requested else ACCEPTED

    def report_progress(self, task: ClaimedTask, progress: int) -> str:
        said = leases.report_progress(self.link, task.id, task.lease_token, str(progress))
        return self.answer(said, lambda asked: "asked to stop" if asked else ACCEPTED)

    def _told(self, said: Coroutine[Any, Any, set[int]], task: ClaimedTask) -> str:
        return ACCEPTED if self.do(said) == {task.lease_token} else LOST

    def record_step(self, task: ClaimedTask, name: str, result: int) -> int | str:
        done = FinishedStep(StepName(name), str(result), run_seconds=0)
        return self.answer(steps.record_step(self.database, task.tenant_id, task.id, task.lease_token, done))

    def load_steps(self, task: ClaimedTask) -> dict[str, int] | str:
        said = steps.load_steps(self.database, task.tenant_id, task.id, task.lease_token)
        return self.answer(said, lambda found: {step.name: result for step, result in found.items()})

    def rescue(self) -> tuple[int, int, int, int, int]:
        report = self.do(rescue_abandoned(self.database))
        return report.workers_gone, report.given_back, report.expired, report.buried, report.spared

    def elect(self) -> int:
        return self.do(leaders.take_leadership(self.link, "scheduler", "test"))

    def create_schedule(self, wanted: Schedule) -> UUID:
        """Its first window is one interval away."""
        request = schedule_request(
            "report",
            "noop",
            interval=wanted.every,
            anchor_at=wanted.cursor,
            payload={"n": 0},
            queue=wanted.queue,
            max_attempts=4,
            missed_run_policy=wanted.policy,
            overlap_policy=wanted.overlap,
            max_catch_up=wanted.max_catch_up,
        )
        return self.do(schedules.create_schedule(self.database, wanted.tenant, request, actor=ACTOR)).id

    def tick(self, epoch: int) -> str:
        return self.answer(fire_due(self.database, epoch), lambda _: ACCEPTED)

    def fates(self, schedule: Schedule, windows: list[datetime]) -> tuple[dict[datetime, str], dict[datetime, UUID]]:
        """What is on record of these windows, and the tasks they made. A run of skipped ones is one row."""
        rows = self.do(self.link.query(WINDOWS, {"id": schedule.id, "cursor": schedule.cursor}))
        fates = {
            window: reason or outcome
            for window in windows
            for window_at, outcome, reason, _, passed_after in rows
            if window == window_at or (passed_after and passed_after < window < window_at)
        }
        return fates, {window_at: task_id for window_at, _, _, task_id, _ in rows if task_id}

    def cancel(self, tenant: str, task_id: UUID) -> str:
        return self.answer(operate.cancel_task(self.database, tenant, task_id, actor=ACTOR))

    def redrive(self, tenant: str, task_id: UUID) -> str:
        return self.answer(operate.redrive_task(self.database, tenant, task_id, actor=ACTOR), lambda _: "redriven")

    def change(self, tenant: str, task_id: UUID, priority: int | None, delay: int | None) -> str:
        said = operate.change_task(
            self.database,
            tenant,
            task_id,
            actor=ACTOR,
            priority=None if priority is None else Priority(priority),
            delay=None if delay is None else timedelta(seconds=delay),
        )
        return self.answer(said, lambda _: "changed")

    def pause(self, tenant: str, queue: str) -> bool:
        if tenant == "*":
            return self._everywhere("pause_queue", queue)
        return self.do(operate.pause_queue(self.database, tenant, queue, actor=ACTOR))

    def resume(self, tenant: str, queue: str) -> bool:
        if tenant == "*":
            return self._everywhere("resume_queue", queue)
        return self.do(operate.resume_queue(self.database, tenant, queue, actor=ACTOR))

    def _everywhere(self, function: str, queue: str) -> bool:
        """For all tenants, which only SQL can say."""
        return bool(self.do(self.link.query(f"SELECT rowlock.{function}(%(queue)s, '*')", {"queue": queue}))[0][0])

    def cap(self, tenant: str, queue: str, most: int) -> None:
        self.do(operate.set_limit(self.database, tenant, queue, None, most, actor=ACTOR))

    def lift_cap(self, tenant: str, queue: str) -> str:
        return self.answer(operate.lift_limit(self.database, tenant, queue, None, actor=ACTOR), lambda _: "lifted")

    def maintain(self) -> None:
        """Two rounds, for the day that was the last one goes with the second."""
        for _ in range(2):
            report = self.do(maintain(self.database))
            assert not report.postponed
        self.maintained_at = self.now


def _said(task: ClaimedTask, outcome: str, delay: int = 0) -> FailedAttempt:
    return FailedAttempt(task.id, task.lease_token, outcome, "error", "no", None, delay)
