"""How long steps are kept: for their days, and longer where their task may still run."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest
from tests.harness.installation import TENANT, Installation
from tests.harness.partitions import make_partition, name_of, report_on, today

from rowlock.domain.steps import StepName
from rowlock.engine import carry
from rowlock.engine.retain import maintain
from rowlock.store import leases, steps
from rowlock.store.leases import ClaimedTask, FailedAttempt
from rowlock.store.maintenance import expired_partitions, maintenance_link
from rowlock.store.steps import FinishedStep

pytestmark = pytest.mark.all_partitions
DAY = timedelta(days=1)


async def begin(here: Installation, *names: str) -> ClaimedTask:
    """A running task that has finished these steps."""
    await here.enqueue()
    [task] = await here.claim(lease_seconds=1_000 * 86_400)
    for name in names:
        await keep(here, task, name)
    return task


async def keep(here: Installation, task: ClaimedTask, name: str) -> None:
    done = FinishedStep(StepName(name), f'"{name}"', 0)
    await steps.record_step(here.database, TENANT, task.id, task.lease_token, done)


async def age(here: Installation, days: int) -> str:
    """Makes everything that there is so many days older; the partition in which the steps then lie."""
    name = await make_partition(here, "steps", days)
    for change in (
        "UPDATE rowlock.tasks SET created_at = created_at - make_interval(days => %(days)s)",
        "UPDATE rowlock.steps SET recorded_at = recorded_at - make_interval(days => %(days)s),"
        " filed_on = ((recorded_at - make_interval(days => %(days)s)) AT TIME ZONE 'UTC')::date",
    ):
        await here.query(change, {"days": days})
    return name


async def use_up_partitions(here: Installation, days_ago: int) -> str:
    """As if nobody had made partitions of steps for a long time: the last one there is is so many days old."""
    name = await make_partition(here, "steps", days_ago)
    await here.query(
        "UPDATE rowlock.partition_horizon SET last_day = rowlock.today() - %(days)s::integer WHERE parent = 'steps'",
        {"days": days_ago},
    )
    return name


async def filed(here: Installation, task_id: UUID) -> list[tuple[str, int]]:
    """Steps of a task, with the days from their recording to the day under which they lie."""
    return await here.query(
        "SELECT name, filed_on - (recorded_at AT TIME ZONE 'UTC')::date FROM rowlock.steps"
        " WHERE task_id = %(id)s ORDER BY name",
        {"id": task_id},
    )


async def test_steps_go_a_week_after_they_were_recorded_unless_their_task_may_still_run(here: Installation) -> None:
    done, live = await begin(here, "a"), await begin(here, "a", "b")
    dead, cancelled = await begin(here, "a"), await begin(here, "a")
    begun = await today(here)
    await leases.complete(here.database, [done.id], [done.lease_token])
    await leases.bury(here.database, [FailedAttempt(dead.id, dead.lease_token, "failed", "error")])
    await leases.acknowledge_cancel(
        here.database, [FailedAttempt(cancelled.id, cancelled.lease_token, "cancelled", "cancelled")]
    )

    await here.move_clock(7 * DAY)
    async with maintenance_link(here.database) as link:
        assert link is not None
        expired = await expired_partitions(link, step_days=7, limit=10)
    assert [partition for partition in expired if partition.parent == "steps"] == []  # its last day has only begun
    await here.move_clock(8 * DAY)
    report = await maintain(here.database)
    assert name_of("steps", begun) in report.dropped
    # The cancelled task's partition went in the same round, after it was asked whether the task could be redriven.
    assert report.steps_carried == 4
    assert await filed(here, done.id) == []
    assert await filed(here, live.id) == [("a", 8), ("b", 8)]
    assert await filed(here, dead.id) == [("a", 8)]

    await here.move_clock(17 * DAY)
    assert (await maintain(here.database)).steps_carried == 3
    assert await filed(here, cancelled.id) == []  # nobody can redrive it any more
    await here.query("SELECT rowlock.redrive(%(id)s)", {"id": dead.id})
    [again] = await here.claim()
    assert await steps.load_steps(here.database, TENANT, again.id, again.lease_token) == {StepName("a"): "a"}
    await keep(here, live, "c")
    assert await filed(here, live.id) == [("a", 17), ("b", 17), ("c", 0)]


async def test_steps_are_carried_in_batches(here: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(carry, "ROWS_PER_BATCH", 3)
    names = [f"s{number}" for number in range(7)]
    kept = await begin(here, *names)
    done = await begin(here, *names)
    await leases.complete(here.database, [done.id], [done.lease_token])
    await age(here, 9)
    assert (await maintain(here.database)).steps_carried == 7
    assert await filed(here, kept.id) == [(name, 9) for name in names]
    assert await filed(here, done.id) == []


async def test_what_a_task_before_of_the_same_id_did_is_not_carried(here: Installation) -> None:
    first = await begin(here, "a", "b")
    await leases.complete(here.database, [first.id], [first.lease_token])
    await age(here, 2)
    await here.query("INSERT INTO rowlock.tasks_live (id, name) VALUES (%(id)s, 'noop')", {"id": first.id})
    [second] = await here.claim()
    await keep(here, second, "a")
    await make_partition(here, "steps", 12)
    await age(here, 10)
    assert (await maintain(here.database)).steps_carried == 1
    assert await filed(here, first.id) == [("a", 10)]


async def test_a_report_delays_the_drop_and_loses_nothing(here: Installation) -> None:
    live = await begin(here, "a")
    old = await age(here, 9)
    async with report_on(here, "steps"):
        report = await maintain(here.database)
        assert old in [what for what, _ in report.postponed]
        assert await steps.load_steps(here.database, TENANT, live.id, live.lease_token) == {StepName("a"): "a"}
    assert (await maintain(here.database)).dropped == [old]
    assert await filed(here, live.id) == [("a", 9)]


async def test_a_step_filed_under_an_earlier_day_than_its_task_is_found_again(here: Installation) -> None:
    """For want of partitions; and still once there are some again."""
    await use_up_partitions(here, 2)
    late = await begin(here, "a")
    assert await filed(here, late.id) == [("a", -2)]
    await here.query("SELECT rowlock.make_partitions()")
    assert await steps.load_steps(here.database, TENANT, late.id, late.lease_token) == {StepName("a"): "a"}
    await keep(here, late, "a")
    assert await filed(here, late.id) == [("a", -2)]


async def test_the_last_partition_stays_and_what_is_young_is_carried_out_of_it(here: Installation) -> None:
    """Nobody has maintained for weeks: nothing stops, and what then maintains drops nothing that is still young."""
    last = await use_up_partitions(here, 9)
    done, late = await begin(here, "a"), await begin(here, "b")
    await leases.complete(here.database, [done.id], [done.lease_token])
    assert await filed(here, done.id) == [("a", -9)]
    link = await here.database.own_link("maker")
    try:
        async with link.transaction():  # somebody else is about to make partitions, and has not yet
            await link.query("SELECT pg_advisory_xact_lock(hashtextextended('rowlock.make_partitions:rowlock', 0))")
            assert (await maintain(here.database)).dropped == []
            await keep(here, late, "c")
    finally:
        await link.close()
    assert (await maintain(here.database)).dropped == []  # whoever keeps a step just now may know of no later day
    assert (await maintain(here.database)).dropped == [last]
    assert await filed(here, done.id) == [("a", 0)]
    assert await filed(here, late.id) == [("b", 0), ("c", 0)]
