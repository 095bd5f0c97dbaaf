"""What happens on the stage: short, the same each time, and clean as long as the product is right.

Each scenario ends with nothing left to do, so that the checker may also ask whether something is stuck.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from datetime import timedelta
from unittest.mock import patch

from tests.harness.history.recording import record_runs
from tests.harness.installation import TENANT, settings_for
from tests.harness.planted.stage import RUN_OUT, Stage
from tests.harness.schedules import make_schedule

from rowlock import Context, Rowlock
from rowlock.domain.errors import RowlockError
from rowlock.domain.requests import TaskRequest, task_request
from rowlock.engine import enqueue
from rowlock.engine.fire_decisions import decide
from rowlock.engine.rescue import rescue_abandoned
from rowlock.store import leaders, tasks, windows
from rowlock.store.database import Database
from rowlock.store.links import Runner
from rowlock.store.windows import Advance
from rowlock.worker.worker import Worker


async def completes_late(stage: Stage) -> None:
    """A worker loses its lease to another, and completes nevertheless, before the other one does."""
    await stage.enqueue()
    [stale] = await stage.one.claim(lease_seconds=RUN_OUT)
    [held] = await stage.two.claim()
    await stage.one.complete(stale)
    await stage.two.complete(held)


async def completes_too_late(stage: Stage) -> None:
    """The same with results, and the other one has completed already."""
    await stage.enqueue()
    [stale] = await stage.one.claim(lease_seconds=RUN_OUT)
    [held] = await stage.two.claim()
    await stage.two.complete(held, '"of the newer attempt"')
    await stage.one.complete(stale, '"of the stale attempt"')


async def snoozes_late(stage: Stage) -> None:
    """A worker that has lost its lease puts the task off."""
    await stage.enqueue()
    [stale] = await stage.one.claim(lease_seconds=RUN_OUT)
    [held] = await stage.two.claim()
    await stage.one.snooze(stale)
    await stage.two.complete(held)
    await stage.two.complete_all()


async def renews_late(stage: Stage) -> None:
    """A worker that has lost its lease renews it, and says how far it is."""
    await stage.enqueue()
    [stale] = await stage.one.claim(lease_seconds=RUN_OUT)
    [held] = await stage.two.claim()
    await stage.one.renew(stale)
    await stage.one.report_progress(stale)
    await stage.two.complete(held)


async def keeps_a_step_late(stage: Stage) -> None:
    """A worker that has lost its lease finishes a step."""
    await stage.enqueue()
    [stale] = await stage.one.claim(lease_seconds=RUN_OUT)
    [held] = await stage.two.claim()
    await stage.one.record_step(stale, "charge")
    await stage.two.record_step(held, "charge")
    await stage.two.complete(held)


async def claims_at_once(stage: Stage) -> None:
    """Two workers claim in the same moment."""
    await stage.enqueue()
    async with stage.one.link.transaction():
        mine = await stage.one.claim()
        theirs = await stage.meanwhile(stage.two.link, stage.two.claim())
    for task in [*mine, *await theirs]:
        await stage.one.complete(task)


async def claims_again(stage: Stage) -> None:
    """Two workers claim one after the other, while the lease of the first lasts."""
    await stage.enqueue(max_attempts=2)
    held = await stage.one.claim()
    for task in [*await stage.two.claim(), *held]:
        await stage.one.complete(task)


async def outlives_its_lease(stage: Stage) -> None:
    """A worker vanishes, and the next one takes over."""
    await stage.enqueue()
    await stage.one.claim(lease_seconds=RUN_OUT)
    await stage.two.complete_all()


async def outlive_their_leases(stage: Stage) -> None:
    """A worker vanishes with all that it held, and the next one takes over."""
    await stage.enqueue_all([task_request("noop"), task_request("noop"), task_request("noop")])
    await stage.one.claim(lease_seconds=RUN_OUT)
    await stage.two.complete_all()


async def rescued_while_held(stage: Stage) -> None:
    """The leader looks for what vanished workers held, while the worker of a last attempt is well."""
    await stage.enqueue(max_attempts=1)
    [held] = await stage.one.claim()
    await rescue_abandoned(stage.here.database)
    await stage.one.complete(held)


async def out_of_attempts(stage: Stage) -> None:
    """The last attempt's worker vanishes: nobody may claim the task, and the leader buries it."""
    await stage.enqueue(max_attempts=1)
    await stage.one.claim(lease_seconds=RUN_OUT)
    await stage.two.complete_all()
    await rescue_abandoned(stage.here.database)


async def fails_and_succeeds(stage: Stage) -> None:
    """A failure, a retry, a success."""
    await stage.enqueue()
    [failing] = await stage.one.claim()
    await stage.one.retry(failing)
    await stage.two.complete_all()


async def says_it_again(stage: Stage) -> None:
    """A worker whose answer was lost sends its completion again."""
    await stage.enqueue()
    [held] = await stage.one.claim()
    await stage.one.complete(held)
    await stage.one.complete(held)


async def gives_back(stage: Stage) -> None:
    """A stopping worker gives a task back that it had not begun."""
    await stage.enqueue()
    [unbegun] = await stage.one.claim()
    await stage.one.release(unbegun)
    await stage.two.complete_all()


async def buries_then_retries(stage: Stage) -> None:
    """A worker that is told nothing says another thing about the same attempt."""
    await stage.enqueue()
    [failing] = await stage.one.claim()
    await stage.one.bury(failing)
    await stage.one.retry(failing)
    await stage.two.complete_all()


async def is_redriven(stage: Stage) -> None:
    """A task is buried, redriven and cancelled; another one is cancelled while it waits."""
    task = await stage.enqueue()
    [failing] = await stage.one.claim()
    await stage.one.bury(failing)
    await stage.redrive(task)
    await stage.cancel(task)
    await stage.cancel(await stage.enqueue())


async def acknowledged_then_cut(stage: Stage) -> None:
    """The connection breaks as soon as the caller has its answer."""
    await stage.enqueue_all([task_request("noop"), task_request("noop")])
    await stage.here.query(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid() AND application_name = 'rowlock'"
    )
    await stage.one.complete_all()


async def half_a_batch(stage: Stage) -> None:
    """The second task of a batch is refused."""
    known = await stage.enqueue()
    with suppress(RowlockError):
        await stage.enqueue_all([task_request("noop"), task_request("noop", id=known)])
    await stage.one.complete_all()


async def dies_within_a_batch(stage: Stage) -> None:
    """The caller dies between the two statements of a large batch."""
    insert = tasks.insert_tasks
    inserted: list[TaskRequest] = []

    async def insert_once(runner: Runner, tenant_id: str, requests: Sequence[TaskRequest]) -> None:
        if inserted:
            raise asyncio.CancelledError
        inserted.extend(requests)
        await insert(runner, tenant_id, requests)

    with (
        patch.object(enqueue, "MAX_BATCH", 1),
        patch.object(tasks, "insert_tasks", insert_once),
        suppress(asyncio.CancelledError),
    ):
        await stage.enqueue_all([task_request("noop"), task_request("noop")])
    await stage.one.complete_all()


async def one_key_at_once(stage: Stage) -> None:
    """Two callers bring the same idempotency key in the same moment."""
    async with stage.one.link.transaction():
        await stage.enqueue_over(stage.one.link, task_request("noop", idempotency_key="once"))
        again = stage.enqueue_over(stage.two.link, task_request("noop", idempotency_key="once"))
        other = await stage.meanwhile(stage.two.link, again)
    await other
    await stage.one.complete_all()


async def one_key_two_requests(stage: Stage) -> None:
    """Somebody brings a key that stands for another request."""
    await stage.enqueue(payload={"amount": 1}, idempotency_key="once")
    with suppress(RowlockError):
        await stage.enqueue(payload={"amount": 2}, idempotency_key="once")
    await stage.one.complete_all()


async def a_tenant_looks(stage: Stage) -> None:
    """A tenant asks for, and would cancel, the task of another."""
    task = await stage.enqueue()
    await stage.read(task, "other")
    await stage.cancel(task, "other")
    await stage.one.complete_all()


async def a_lane_is_capped(stage: Stage) -> None:
    """Two workers claim from a lane that may run one task, in the same moment."""
    await stage.cap(TENANT, 1)
    await stage.enqueue_all([task_request("noop"), task_request("noop")])
    async with stage.one.link.transaction():
        mine = await stage.one.claim(capped=True)
        theirs = await stage.meanwhile(stage.two.link, stage.two.claim(capped=True))
    for task in [*mine, *await theirs]:
        await stage.one.complete(task)
    while left := await stage.two.claim(capped=True):
        await stage.two.complete(left[0])


async def windows_come_due(stage: Stage) -> None:
    """Two ticks decide from the same state."""
    await make_schedule(stage.here, missed_run_policy="catch_up")
    epoch = await _elected(stage, "one")
    await stage.here.move_clock(timedelta(minutes=3))
    first, second = await _decided(stage), await _decided(stage)
    for advances in (first, second):
        await windows.fire_windows(stage.here.database, epoch, advances)
    await stage.one.complete_all()


async def the_lead_changes(stage: Stage) -> None:
    """A leader that was frozen wakes up and fires, after another one has."""
    await make_schedule(stage.here)
    frozen = await _elected(stage, "one")
    epoch = await _elected(stage, "two")
    for minutes, led in ((2, epoch), (4, frozen), (6, epoch)):
        await stage.here.move_clock(timedelta(minutes=minutes))
        await windows.fire_windows(stage.here.database, led, await _decided(stage))
    await stage.one.complete_all()


async def a_worker_drains(stage: Stage) -> None:
    """A real worker is stopped while it holds a task, and gives it back; the next one finishes it."""
    app = Rowlock(settings=settings_for(stage.here.database.url, drain_seconds=0.01))
    record_runs(app, stage.recorder)
    begun, go = asyncio.Event(), asyncio.Event()

    @app.task(name="hold")
    async def hold() -> None:
        begun.set()
        await go.wait()

    await stage.enqueue("hold")
    await _work_until(app, begun)
    if not await stage.is_at_rest():
        go.set()
        begun.clear()
        await _work_until(app, begun)


async def goes_on_after_a_step(stage: Stage) -> None:
    """A real worker is stopped when the task's first step is finished; the next worker goes on from there."""
    app = Rowlock(settings=settings_for(stage.here.database.url, drain_seconds=0.01))
    half_way, go, ended = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def finish() -> None:
        """A step that leaves nothing but its name."""

    @app.task(name="steps")
    async def in_steps(ctx: Context) -> None:
        await ctx.step("charge", finish)
        half_way.set()
        await go.wait()
        await ctx.step("ship", finish)
        ended.set()

    await stage.enqueue("steps")
    await _work_until(app, half_way)
    go.set()
    await _work_until(app, ended)


async def _work_until(app: Rowlock, enough: asyncio.Event) -> None:
    async with Database(app.settings, name="rowlock worker") as database:
        worker = Worker(app, app.settings, database, ["default"])
        running = asyncio.create_task(worker.run())
        await enough.wait()
        worker.stop()
        await running


async def _elected(stage: Stage, holder: str) -> int:
    async with stage.here.database.link() as link:
        return await leaders.take_leadership(link, "scheduler", holder)


async def _decided(stage: Stage) -> list[Advance]:
    advances, _ = decide(await windows.due_schedules(stage.here.database, limit=100), 100)
    return advances
