"""A window that is due while a task of its schedule is live: what each overlap policy makes of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from tests.harness.installation import TENANT, Installation
from tests.harness.schedules import OPERATOR, fired, make_schedule, new_epoch, outcomes, set_clock

from rowlock.engine.backfill import backfill
from rowlock.engine.fire import TickReport, fire_due
from rowlock.engine.fire_decisions import decide
from rowlock.engine.schedules import delete_schedule, list_windows, trigger_now, update_schedule
from rowlock.store import leases, maintenance, windows
from rowlock.store.leases import ClaimedTask, FailedAttempt
from rowlock.store.schedules import ScheduleRecord

MINUTE = timedelta(minutes=1)
TODAY = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)  # tasks end here, and today has its partitions


def minute(n: int) -> datetime:
    return TODAY + n * MINUTE


class Ticking:
    """One schedule, every minute, whose leader ticks when the test says so."""

    def __init__(self, here: Installation, schedule: ScheduleRecord, epoch: int) -> None:
        self.here, self.schedule, self.epoch = here, schedule, epoch

    async def tick(self, n: int) -> TickReport:
        """The leader's next look is at that minute."""
        await set_clock(self.here, minute(n))
        return await fire_due(self.here.database, self.epoch)

    async def claim(self) -> list[ClaimedTask]:
        lane = f"{TENANT}/schedule:{self.schedule.id}"
        return await self.here.claim(lane=lane, lease_seconds=600)

    async def complete(self, task: ClaimedTask) -> None:
        assert await leases.complete(self.here.database, [task.id], [task.lease_token]) == {task.lease_token}

    async def told(self) -> dict[int, str]:
        """Outcome or reason of each window, by its minute."""
        rows = await list_windows(self.here.database, TENANT, self.schedule.name)
        return {(row.window_at - TODAY) // MINUTE: row.reason or row.outcome for row in reversed(rows)}

    async def live(self) -> set[UUID]:
        rows = await self.here.query(
            "SELECT id FROM rowlock.tasks_live WHERE schedule_id = %(id)s", {"id": self.schedule.id}
        )
        return {row[0] for row in rows}


async def ticking(here: Installation, policy: str, **options: object) -> Ticking:
    await set_clock(here, TODAY)
    schedule = await make_schedule(
        here,
        overlap_policy=policy,
        **{"missed_run_policy": "catch_up", **options},  # type: ignore[arg-type]
    )
    return Ticking(here, schedule, await new_epoch(here))


async def test_allow_lets_them_run_beside_each_other_in_the_tenants_lane(here: Installation) -> None:
    one = await ticking(here, "allow")
    for n in (1, 2, 3):
        await one.tick(n)
    assert await one.told() == {1: "fired", 2: "fired", 3: "fired"}
    assert len(await here.claim()) == 3


async def test_skip_skips_while_one_is_live_and_fires_again_when_it_has_ended(here: Installation) -> None:
    one = await ticking(here, "skip")
    await one.tick(1)
    assert (await one.tick(2)).skipped == 1
    [task] = await one.claim()
    await one.tick(3)
    await one.complete(task)
    await one.tick(4)
    assert await one.told() == {1: "fired", 2: "overlap", 3: "overlap", 4: "fired"}


async def test_skip_waits_for_a_task_between_two_attempts_too(here: Installation) -> None:
    one = await ticking(here, "skip")
    await one.tick(1)
    [task] = await one.claim()
    attempt = FailedAttempt(task.id, task.lease_token, "snoozed", "snoozed", None, None, 3_600)
    await leases.snooze(here.database, [attempt], worker_id=1)
    await one.tick(2)
    assert await one.told() == {1: "fired", 2: "overlap"}


async def test_skip_fires_the_first_of_those_that_are_due_at_once(here: Installation) -> None:
    one = await ticking(here, "skip")
    await one.tick(3)
    assert await one.told() == {1: "fired", 2: "overlap", 3: "overlap"}


async def test_buffer_one_lets_one_wait_for_the_one_that_runs(here: Installation) -> None:
    one = await ticking(here, "buffer_one")
    await one.tick(1)
    [first] = await one.claim()
    await one.tick(2)
    await one.tick(3)
    assert await one.told() == {1: "fired", 2: "fired", 3: "overlap"}
    assert await scan(here) != []
    await one.complete(first)
    await one.tick(4)
    assert (await one.told())[4] == "fired"


async def test_buffer_one_fires_two_of_those_that_are_due_at_once(here: Installation) -> None:
    one = await ticking(here, "buffer_one")
    await one.tick(4)
    assert await one.told() == {1: "fired", 2: "fired", 3: "overlap", 4: "overlap"}


@pytest.mark.parametrize("policy", ["skip", "buffer_one", "cancel_running"])
async def test_tasks_that_may_not_overlap_are_claimed_one_at_a_time(here: Installation, policy: str) -> None:
    """Also those that people trigger: the lane is the schedule's own, and capped at one."""
    one = await ticking(here, policy)
    await one.tick(1)
    await trigger_now(here.database, TENANT, "report", actor=OPERATOR)
    await trigger_now(here.database, TENANT, "report", actor=OPERATOR)
    assert len(await one.live()) == 3
    caps = await here.query("SELECT tenant_id, queue, lane, max_running FROM rowlock.limits")
    assert caps == [(TENANT, "default", f"{TENANT}/schedule:{one.schedule.id}", 1)]
    [found] = await scan(here)
    assert (found.lane.lane, found.capped, found.due) == (f"{TENANT}/schedule:{one.schedule.id}", True, True)


async def scan(here: Installation) -> list[leases.FoundLane]:
    return await leases.find_lanes(here.database, [("default", 2, "")], lanes_per_scan=10)


async def test_cancel_running_asks_the_running_one_to_stop_and_fires(here: Installation) -> None:
    one = await ticking(here, "cancel_running")
    await one.tick(1)
    [running] = await one.claim()
    await one.tick(2)
    asked = await here.task(running.id)
    assert asked.status == "running"
    assert asked.cancel_requested_at == minute(2)
    assert await one.told() == {1: "fired", 2: "fired"}
    [(actor,)] = await here.query("SELECT actor FROM rowlock.audit_log WHERE action = 'task.cancel'")
    assert actor == "scheduler"


async def test_cancel_running_cancels_what_has_not_begun(here: Installation) -> None:
    one = await ticking(here, "cancel_running")
    await one.tick(1)
    [waiting] = await one.live()
    await one.tick(2)
    [present] = await one.live()
    assert present != waiting
    ended = await here.task(waiting)
    assert (ended.status, ended.error) == ("cancelled", "The next window of its schedule came due.")


async def test_cancel_running_fires_the_newest_of_those_that_are_due_at_once(here: Installation) -> None:
    one = await ticking(here, "cancel_running")
    await one.tick(3)
    assert await one.told() == {1: "overlap", 2: "overlap", 3: "fired"}


async def test_a_window_that_is_missed_cancels_nothing(here: Installation) -> None:
    one = await ticking(here, "cancel_running", missed_run_policy="skip", cron="*/5 * * * *")
    await one.tick(5)
    before = await one.live()
    await one.tick(12)
    assert await one.told() == {5: "fired", 10: "missed"}
    assert await one.live() == before


async def test_tasks_of_others_do_not_count(here: Installation) -> None:
    one = await ticking(here, "skip")
    other = await make_schedule(here, "other", overlap_policy="skip")
    await here.enqueue()
    await trigger_now(here.database, TENANT, "other", actor=OPERATOR)
    await one.tick(1)
    assert await one.told() == {1: "fired"}
    assert await outcomes(here, other.id) == {("skipped", "overlap"): 1}


async def test_a_policy_that_is_changed_counts_from_the_next_window_on(here: Installation) -> None:
    one = await ticking(here, "allow")
    await one.tick(1)
    await update_schedule(here.database, TENANT, "report", {"overlap_policy": "skip"}, actor=OPERATOR)
    await one.tick(2)
    await update_schedule(here.database, TENANT, "report", {"overlap_policy": "allow"}, actor=OPERATOR)
    await one.tick(3)
    assert await one.told() == {1: "fired", 2: "overlap", 3: "fired"}


async def test_caps_that_nobody_needs_are_forgotten_once_their_lane_is_empty(here: Installation) -> None:
    one = await ticking(here, "skip")
    await here.query(
        "INSERT INTO rowlock.limits (queue, lane, max_running) VALUES ('default', 'default/schedule:mine', 2)"
    )
    await one.tick(1)
    [task] = await one.claim()
    async with here.database.link() as link:
        assert await maintenance.forget_caps(link) == 0
        await delete_schedule(here.database, TENANT, "report", actor=OPERATOR)
        assert await maintenance.forget_caps(link) == 0
        await one.complete(task)
        assert await maintenance.forget_caps(link) == 1
    assert await here.query("SELECT lane FROM rowlock.limits") == [("default/schedule:mine",)]
    assert await fired(here, one.schedule.id) == [minute(1)]
    assert await outcomes(here, one.schedule.id) == {("fired", None): 1}


async def test_a_statement_cancels_so_many_at_most_and_the_window_fires_when_all_give_way(
    here: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(windows, "CANCELS_PER_SCHEDULE", 2)
    one = await ticking(here, "cancel_running")
    for _ in range(5):
        await trigger_now(here.database, TENANT, "report", actor=OPERATOR)
    [running] = await one.claim()
    await set_clock(here, minute(1))
    advances, _ = decide(await windows.due_schedules(here.database, limit=10), 100)
    first, second, third = [await windows.fire_windows(here.database, one.epoch, advances) for _ in range(3)]
    assert [(len(done.moved), done.cancelled) for done in (first, second, third)] == [(0, 2), (0, 2), (1, 1)]
    [(_, task_id)] = advances[0].fire
    assert await one.live() == {running.id, task_id}
    for _ in range(5):
        await trigger_now(here.database, TENANT, "report", actor=OPERATOR)
    assert (await one.tick(2)).fired == 1
    assert len(await one.live()) == 2


async def test_a_window_that_a_backfill_has_fired_cancels_nothing(here: Installation) -> None:
    one = await ticking(here, "cancel_running")
    await set_clock(here, minute(1))
    await backfill(here.database, TENANT, "report", since=minute(1), until=minute(1), actor=OPERATOR)
    before = await one.live()
    assert len(before) == 1
    await one.tick(1)
    assert await one.live() == before
