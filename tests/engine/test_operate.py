"""What people do to tasks, against what workers do at the same moment."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from tests.harness.installation import TENANT, Installation

from rowlock.domain.errors import (
    InvalidArgument,
    NotFound,
    TaskNotCancellable,
    TaskNotChangeable,
    TaskNotRedrivable,
)
from rowlock.domain.ids import new_id
from rowlock.domain.priorities import Priority
from rowlock.engine import operate
from rowlock.engine.operate import Actor, QueueSettings
from rowlock.store import leases

ADA = Actor("cli:ada", "r-1")


async def test_a_task_is_claimed_or_cancelled_but_never_both(here: Installation) -> None:
    for _ in range(15):
        task_id = await here.enqueue()
        said, claimed = await asyncio.gather(
            operate.cancel_task(here.database, TENANT, task_id, actor=ADA), here.claim()
        )
        task = await here.task(task_id)
        if said == "cancelled":
            assert claimed == []
            assert task.status == "cancelled"
        else:
            assert [one.id for one in claimed] == [task_id]
            assert (task.status, task.cancel_requested_at is not None) == ("running", True)
            await leases.complete(here.database, [task_id], [claimed[0].lease_token])


async def test_a_task_is_claimed_or_changed_but_never_changed_while_it_runs(here: Installation) -> None:
    for _ in range(15):
        task_id = await here.enqueue()

        async def change(task_id: object = task_id) -> bool:
            try:
                await operate.change_task(
                    here.database,
                    TENANT,
                    task_id,
                    actor=ADA,
                    delay=timedelta(hours=1),  # type: ignore[arg-type]
                )
            except TaskNotChangeable:
                return False
            return True

        changed, claimed = await asyncio.gather(change(), here.claim())
        task = await here.task(task_id)
        assert changed != bool(claimed)
        assert task.status == ("scheduled" if changed else "running")
        if claimed:
            await leases.complete(here.database, [task_id], [claimed[0].lease_token])


async def test_of_concurrent_cancels_and_redrives_one_wins(here: Installation) -> None:
    task_id = await here.enqueue()

    async def tried(action: object) -> bool:
        try:
            await action  # type: ignore[misc]
        except (TaskNotCancellable, TaskNotRedrivable):
            return False
        return True

    cancels = [tried(operate.cancel_task(here.database, TENANT, task_id, actor=ADA)) for _ in range(5)]
    assert sum(await asyncio.gather(*cancels)) == 1
    redrives = [tried(operate.redrive_task(here.database, TENANT, task_id, actor=ADA)) for _ in range(5)]
    assert sum(await asyncio.gather(*redrives)) == 1
    actions = await here.query("SELECT action, actor, request_id FROM rowlock.audit_log ORDER BY at")
    assert actions == [("task.cancel", "cli:ada", "r-1"), ("task.redrive", "cli:ada", "r-1")]


async def test_a_change_sets_what_is_given_and_nothing_else(here: Installation) -> None:
    task_id = await here.enqueue(delay=3600, priority="low")
    before = await here.task(task_id)

    await operate.change_task(here.database, TENANT, task_id, actor=ADA, priority=Priority.HIGH)
    raised = await here.task(task_id)
    assert (raised.priority, raised.visible_at) == (1, before.visible_at)
    later = datetime(2999, 1, 1, tzinfo=UTC)
    await operate.change_task(here.database, TENANT, task_id, actor=ADA, run_at=later)
    assert (await here.task(task_id)).visible_at == later
    with pytest.raises(InvalidArgument):
        await operate.change_task(here.database, TENANT, task_id, actor=ADA, run_at=later, delay=timedelta(1))


async def test_a_task_brought_forward_is_found_behind_the_lanes_floor(here: Installation) -> None:
    task_id = await here.enqueue(delay=3600)
    await operate.change_task(here.database, TENANT, task_id, actor=ADA, run_at=datetime(1999, 1, 1, tzinfo=UTC))

    (created, visible) = (await here.query("SELECT created_at, visible_at FROM rowlock.tasks_live"))[0]
    assert visible >= created
    assert [one.id for one in await here.claim()] == [task_id]


async def test_what_a_tenant_does_not_have_is_not_found(here: Installation) -> None:
    task_id = await here.enqueue()
    for tenant, wanted in (("other", task_id), (TENANT, new_id())):
        with pytest.raises(NotFound):
            await operate.cancel_task(here.database, tenant, wanted, actor=ADA)
        with pytest.raises(NotFound):
            await operate.redrive_task(here.database, tenant, wanted, actor=ADA)
        with pytest.raises(NotFound):
            await operate.change_task(here.database, tenant, wanted, actor=ADA, priority=Priority.LOW)
    assert (await here.task(task_id)).status == "ready"


async def test_retention_of_a_queue_decides_the_day_of_what_ends(here: Installation) -> None:
    settings = QueueSettings(retention_cancelled_days=2)
    assert await operate.configure_queue(here.database, TENANT, "q", settings, actor=ADA) is True
    assert await operate.configure_queue(here.database, TENANT, "q", settings, actor=ADA) is False
    task_id = await here.enqueue(queue="q")
    await operate.cancel_task(here.database, TENANT, task_id, actor=ADA)

    task = await here.task(task_id)
    assert task.expires_on == (await here.query("SELECT rowlock.today() + 2"))[0][0]
    for wrong in (QueueSettings(retention_dead_days=0), QueueSettings(retention_succeeded_days=366)):
        with pytest.raises(InvalidArgument):
            await operate.configure_queue(here.database, TENANT, "q", wrong, actor=ADA)


async def test_retention_of_a_row_for_all_tenants_holds_for_no_task(here: Installation) -> None:
    await here.query(
        "INSERT INTO rowlock.queues (tenant_id, name, retention_succeeded_days, retention_cancelled_days) "
        "VALUES ('*', 'default', 2, 2), ('default', 'own', 2, 2)"
    )
    kept: dict[str, set[int]] = {}
    for queue in ("default", "own"):
        done, cancelled = await here.enqueue(queue=queue), await here.enqueue(queue=queue, delay=60)
        [claimed] = await here.claim(queue=queue)
        await leases.complete(here.database, [done], [claimed.lease_token])
        await operate.cancel_task(here.database, TENANT, cancelled, actor=ADA)
        [(today,)] = await here.query("SELECT rowlock.today()")
        kept[queue] = {((await here.task(task)).expires_on - today).days for task in (done, cancelled)}
    assert kept == {"default": {7}, "own": {2}}


async def test_a_lane_of_another_tenant_cannot_be_capped_or_freed(here: Installation) -> None:
    await operate.set_limit(here.database, "acme", "q", None, 1, actor=ADA)

    with pytest.raises(NotFound):
        await operate.lift_limit(here.database, TENANT, "q", None, actor=ADA)
    assert await here.query("SELECT tenant_id, lane FROM rowlock.limits") == [("acme", "acme")]
