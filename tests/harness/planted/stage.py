"""Where a scenario plays: a real database, and workers whose every move is made by hand and on record."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID

from tests.harness.history.events import Recorder
from tests.harness.history.operations import answers_of, asked_of, database_instant
from tests.harness.history.recording import recorded_enqueue, recording
from tests.harness.installation import TENANT, Installation, installation

from rowlock.domain.errors import RowlockError
from rowlock.domain.lanes import Lane, LanePlan
from rowlock.domain.requests import TaskRequest, task_request
from rowlock.domain.steps import StepName
from rowlock.store import leases, operations, steps, tasks
from rowlock.store.leases import ClaimedTask, FailedAttempt, LeaseTerms
from rowlock.store.links import Link
from rowlock.store.operations import Actor
from rowlock.store.steps import FinishedStep

Value = TypeVar("Value")
HELD, RUN_OUT = 30.0, 0.0  # seconds of a lease
OPERATOR = Actor("test")


@dataclass
class HandWorker:
    """A worker that does what the test says, over a connection of its own."""

    id: int
    link: Link

    async def claim(
        self, room: int = 10, *, lease_seconds: float = HELD, lane: str = TENANT, capped: bool = False
    ) -> list[ClaimedTask]:
        plan = LanePlan(Lane("default", 2, lane), None, room)
        options: dict[str, Any] = {"room": room, "terms": LeaseTerms(self.id, lease_seconds)}
        if capped:
            return await leases.claim_capped(self.link, plan, **options)
        return await leases.claim(self.link, [plan], **options)

    async def complete(self, task: ClaimedTask, result: str | None = None) -> set[int]:
        if result is None:
            return await leases.complete(self.link, [task.id], [task.lease_token])
        return await leases.complete_with_results(self.link, [task.id], [task.lease_token], [result], [1])

    async def complete_all(self) -> None:
        """Claims and completes until nothing is due."""
        while taken := await self.claim():
            for task in taken:
                await self.complete(task)

    async def retry(self, task: ClaimedTask) -> set[int]:
        return await leases.retry(self.link, [_said(task, "failed")], worker_id=self.id)

    async def snooze(self, task: ClaimedTask) -> set[int]:
        return await leases.snooze(self.link, [_said(task, "snoozed")], worker_id=self.id)

    async def bury(self, task: ClaimedTask) -> set[int]:
        return await leases.bury(self.link, [_said(task, "failed")])

    async def acknowledge_cancel(self, task: ClaimedTask) -> set[int]:
        return await leases.acknowledge_cancel(self.link, [_said(task, "cancelled")])

    async def release(self, task: ClaimedTask) -> int:
        return await leases.release(self.link, [task.id], [task.lease_token])

    async def renew(self, task: ClaimedTask) -> None:
        await leases.renew(self.link, [task.id], [task.lease_token], lease_seconds=HELD)

    async def report_progress(self, task: ClaimedTask) -> None:
        with suppress(RowlockError):
            await leases.report_progress(self.link, task.id, task.lease_token, "{}")

    async def record_step(self, task: ClaimedTask, name: str) -> None:
        with suppress(RowlockError):
            done = FinishedStep(StepName(name), "null", run_seconds=0)
            await steps.record_step(self.link, task.tenant_id, task.id, task.lease_token, done)


@dataclass
class Stage:
    """One installation, a recorder, and two workers."""

    here: Installation
    recorder: Recorder
    one: HandWorker
    two: HandWorker

    async def enqueue(self, name: str = "noop", tenant: str = TENANT, **options: Any) -> UUID:
        return (await self.enqueue_all([task_request(name, **options)], tenant))[0]

    async def enqueue_all(self, requests: list[TaskRequest], tenant: str = TENANT) -> list[UUID]:
        stored = await recorded_enqueue(self.recorder, self.here.database, tenant, requests)
        return [one.id for one in stored]

    async def enqueue_over(self, link: Link, request: TaskRequest) -> None:
        """Enqueues over a connection whose transaction the scenario holds open."""
        with self.recorder.calling("enqueue", tenant=TENANT, tasks=asked_of([request])) as call:
            call.ok(tasks=answers_of(await tasks.insert_keyed(link, TENANT, [request])))

    async def read(self, task_id: UUID, tenant: str) -> None:
        with suppress(RowlockError), self.recorder.calling("read", tenant=tenant, task=str(task_id)) as call:
            call.ok(tenant=(await tasks.get_task(self.here.database, tenant, task_id)).tenant_id)

    async def cancel(self, task_id: UUID, tenant: str = TENANT) -> None:
        with suppress(RowlockError), self.recorder.calling("cancel", tenant=tenant, task=str(task_id)) as call:
            outcome = await operations.cancel_task(self.here.database, tenant, task_id, None, OPERATOR)
            call.ok(outcome=outcome)

    async def redrive(self, task_id: UUID, tenant: str = TENANT) -> None:
        with suppress(RowlockError), self.recorder.calling("redrive", tenant=tenant, task=str(task_id)) as call:
            await operations.redrive_task(self.here.database, tenant, task_id, OPERATOR)
            call.ok()

    async def cap(self, lane: str, most: int) -> None:
        since = await database_instant(self.here.database)
        where = {"tenant": TENANT, "queue": "default", "lane": lane}
        with self.recorder.calling("cap", since=since, **where, max_running=most) as call:
            await operations.set_limit(self.here.database, TENANT, "default", lane, max_running=most, actor=OPERATOR)
            call.ok(by=await database_instant(self.here.database))

    async def is_at_rest(self) -> bool:
        """Whether every task has ended."""
        return not await self.here.query("SELECT id FROM rowlock.tasks_live LIMIT 1")

    async def meanwhile(self, link: Link, act: Awaitable[Value]) -> asyncio.Task[Value]:
        """Lets somebody act on the connection until that is done, or waits for a lock that somebody else holds."""
        acting = asyncio.ensure_future(act)
        while not acting.done() and not await self._waits_for_lock(link):  # noqa: ASYNC110
            await asyncio.sleep(0)
        assert isinstance(acting, asyncio.Task)
        return acting

    async def _waits_for_lock(self, link: Link) -> bool:
        rows = await self.here.query(
            "SELECT wait_event_type = 'Lock' FROM pg_stat_activity WHERE pid = %(pid)s",
            {"pid": link.connection.info.backend_pid},
        )
        return bool(rows[0][0])


@asynccontextmanager
async def stage(url: str, folder: Path) -> AsyncIterator[Stage]:
    """A stage in the database, whose history goes into the folder."""
    async with AsyncExitStack() as ends:
        recorder = Recorder(folder, "stage")
        ends.callback(recorder.close)
        here = await ends.enter_async_context(installation(url))
        workers = []
        for number, name in enumerate(("one", "two"), start=1):
            link = await here.database.own_link(name)
            ends.push_async_callback(link.close)
            workers.append(HandWorker(number, link))
        ends.enter_context(recording(recorder))
        yield Stage(here, recorder, *workers)


def _said(task: ClaimedTask, outcome: str) -> FailedAttempt:
    return FailedAttempt(task.id, task.lease_token, outcome, "error", "It failed.", None, 0)
