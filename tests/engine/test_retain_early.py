"""What was filed too early, for want of partitions: it is carried to its right day, and goes on that, not before."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest
from tests.harness.installation import TENANT, Installation
from tests.harness.partitions import name_of, partitions, report_on, today

from rowlock.engine import carry, operate
from rowlock.engine.operate import QueueSettings
from rowlock.engine.retain import maintain
from rowlock.store import leases
from rowlock.store.leases import FailedAttempt

pytestmark = pytest.mark.all_partitions
DAY = timedelta(days=1)
ADA = operate.Actor("ada")


async def die(here: Installation, queue: str = "default") -> UUID:
    task_id = await here.enqueue(queue=queue)
    [task] = await here.claim(queue=queue)
    await leases.bury(here.database, [FailedAttempt(task.id, task.lease_token, "failed", "error")])
    return task_id


async def succeed(here: Installation, queue: str = "default") -> UUID:
    task_id = await here.enqueue(queue=queue)
    [task] = await here.claim(queue=queue)
    await leases.complete(here.database, [task.id], [task.lease_token])
    return task_id


async def filed(here: Installation, task_id: UUID) -> list[int]:
    """Days until the one under which the task lies; none where it is gone."""
    rows = await here.query("SELECT expires_on - rowlock.today() FROM rowlock.tasks WHERE id = %(id)s", {"id": task_id})
    return [days for (days,) in rows]


async def attempts(here: Installation, task_id: UUID) -> int:
    [(count,)] = await here.query("SELECT count(*) FROM rowlock.executions WHERE task_id = %(id)s", {"id": task_id})
    return int(count)


async def test_after_a_long_absence_what_has_just_finished_stays_for_its_time(here: Installation) -> None:
    begun = await today(here)
    last = {"tasks": name_of("tasks", begun + 44 * DAY), "executions": name_of("executions", begun + 14 * DAY)}
    await here.move_clock(25 * DAY)  # nobody has made partitions of attempts since, and of tasks too few are left
    old, old_dead = await succeed(here), await die(here)
    await here.move_clock(45 * DAY)
    over = await succeed(here)
    await here.move_clock(60 * DAY)
    done, dead = await succeed(here), await die(here)
    tasks = (old, old_dead, over, done, dead)
    assert [await filed(here, task) for task in tasks] == [[-28], [-16], [-16], [-16], [-16]]

    first = await maintain(here.database)
    assert not set(last.values()) & set(first.dropped)  # an attempt may just be ending that knows of no later day
    second = await maintain(here.database)
    assert set(last.values()) <= set(second.dropped)
    assert (second.tasks_carried, second.postponed) == (2, [])
    assert [await filed(here, task) for task in tasks] == [[], [], [], [7], [30]]
    assert [await attempts(here, task) for task in tasks] == [0, 0, 1, 1, 1]
    assert await here.query("SELECT id FROM rowlock.dead_letters") == [(dead,)]

    await here.move_clock(90 * DAY)
    await maintain(here.database)
    assert (await filed(here, done), await filed(here, dead)) == ([], [0])
    await here.move_clock(91 * DAY)
    assert (await maintain(here.database)).tasks_carried == 0
    assert (await filed(here, dead), await attempts(here, dead)) == ([], 0)


async def test_what_lies_on_its_right_day_is_not_carried(here: Installation) -> None:
    await succeed(here)
    await die(here)
    for days in range(1, 35):
        await here.move_clock(days * DAY)
        report = await maintain(here.database)
        assert (report.tasks_carried, report.attempts_carried, report.postponed) == (0, 0, [])
    assert await here.query("SELECT count(*) FROM rowlock.tasks") == [(0,)]


@pytest.mark.parametrize("by", ["the engine", "SQL"])
async def test_a_longer_retention_holds_for_what_finishes_before_the_next_round(here: Installation, by: str) -> None:
    if by == "SQL":
        await here.query("INSERT INTO rowlock.queues (name, retention_dead_days) VALUES ('audited', 50)")
    else:
        await operate.configure_queue(
            here.database, TENANT, "audited", QueueSettings(retention_dead_days=50), actor=ADA
        )
    dead, others = await die(here, "audited"), await die(here)
    assert (await filed(here, dead), await filed(here, others)) == ([44], [30])
    await maintain(here.database)
    await here.move_clock(45 * DAY)
    assert (await maintain(here.database)).tasks_carried == 1
    assert (await filed(here, dead), await filed(here, others)) == ([5], [])
    await here.move_clock(50 * DAY)
    await maintain(here.database)
    assert await filed(here, dead) == [0]
    await here.move_clock(51 * DAY)
    await maintain(here.database)
    assert await filed(here, dead) == []


async def test_a_day_is_carried_a_few_pages_at_a_time(here: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    await here.query("INSERT INTO rowlock.queues (name, retention_succeeded_days) VALUES ('default', 50)")
    await here.query(
        "INSERT INTO rowlock.tasks (id, name, status, finished_at, expires_on, payload)"
        " SELECT rowlock.new_id(), 'noop', 'succeeded', rowlock.clock() - make_interval(days => n % 2 * 400),"
        "        rowlock.today(), jsonb_build_object('words', repeat('x', 1000)) FROM generate_series(1, 60) AS n"
    )
    await maintain(here.database)
    await here.move_clock(DAY)
    monkeypatch.setattr(carry, "PAGES_PER_BATCH", 2)
    report = await maintain(here.database)
    assert report.tasks_carried == 30
    assert await here.query("SELECT DISTINCT expires_on - rowlock.today() FROM rowlock.tasks") == [(49,)]


async def test_whoever_still_writes_into_a_day_holds_it(here: Installation) -> None:
    """Somebody has cancelled a task while there were no later days, and has not committed yet."""
    begun = await today(here)
    last = name_of("tasks", begun + 44 * DAY)
    await here.move_clock(60 * DAY)
    cancelled = await here.enqueue(delay=60)
    async with here.database.link() as link, link.transaction():
        await link.query("SELECT rowlock.cancel(%(id)s)", {"id": cancelled})
        await maintain(here.database)
        report = await maintain(here.database)
        assert last in [what for what, _ in report.postponed]
        assert last in await partitions(here, "tasks")
    assert last in (await maintain(here.database)).dropped
    assert await filed(here, cancelled) == [7]


async def test_a_task_that_somebody_holds_is_not_waited_for_and_stays_with_its_day(here: Installation) -> None:
    """Whoever waits for it came first, and would be refused if it moved before him."""
    dead = await die(here)
    await here.query("UPDATE rowlock.tasks SET expires_on = rowlock.today() WHERE id = %(id)s", {"id": dead})
    day = name_of("tasks", await today(here))
    await here.move_clock(DAY)
    async with here.database.link() as link, link.transaction():
        await link.query("SELECT FROM rowlock.tasks WHERE id = %(id)s FOR UPDATE", {"id": dead})
        [(what, reason)] = (await maintain(here.database)).postponed
        assert what == day
        assert "could not obtain lock on row" in reason
        assert await filed(here, dead) == [-1]
    assert day in (await maintain(here.database)).dropped
    assert await filed(here, dead) == [29]


async def test_of_two_with_one_id_the_later_stays(here: Installation) -> None:
    """An id may be taken again once its task has finished; a day holds each only once."""
    first = await die(here)
    await here.query("UPDATE rowlock.tasks SET expires_on = rowlock.today() WHERE id = %(id)s", {"id": first})
    await here.query("INSERT INTO rowlock.tasks_live (id, name) VALUES (%(id)s, 'noop')", {"id": first})
    [second] = await here.claim()
    await leases.bury(here.database, [FailedAttempt(second.id, second.lease_token, "failed", "error")])
    other = await die(here)
    await here.query("UPDATE rowlock.tasks SET expires_on = rowlock.today() WHERE id = %(id)s", {"id": other})
    await here.move_clock(DAY)
    report = await maintain(here.database)
    assert (report.tasks_carried, report.postponed) == (1, [])
    assert (await filed(here, first), await filed(here, other)) == ([29], [29])


async def test_a_report_on_the_day_delays_its_drop_and_what_was_carried_is_there(here: Installation) -> None:
    dead = await die(here)
    await here.query("UPDATE rowlock.tasks SET expires_on = rowlock.today() WHERE id = %(id)s", {"id": dead})
    day = name_of("tasks", await today(here))
    await here.move_clock(DAY)
    async with report_on(here, "tasks"):
        report = await maintain(here.database)
        assert (report.tasks_carried, [what for what, _ in report.postponed]) == (1, [day])
        assert await filed(here, dead) == [29]
    assert day in (await maintain(here.database)).dropped
    assert await filed(here, dead) == [29]
