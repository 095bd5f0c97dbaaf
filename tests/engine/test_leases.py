"""What a lease holder may say, and what the fence refuses."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from tests.harness.eventually import eventually
from tests.harness.installation import Installation, claimed

from rowlock.domain.errors import LeaseLost
from rowlock.domain.lanes import Lane, LanePlan
from rowlock.engine.renew import renew
from rowlock.store import leases, rescue
from rowlock.store.leases import ClaimedTask, FailedAttempt

PLAN = LanePlan(Lane("default", 2, "default"), None, 10)
Say = Callable[[Installation, ClaimedTask], Awaitable[object]]


def said(task: ClaimedTask, outcome: str = "failed", *, delay_seconds: float = 0) -> FailedAttempt:
    return FailedAttempt(task.id, task.lease_token, outcome, "error", "ValueError: no", "Traceback …", delay_seconds)


async def test_claim_takes_oldest_first_and_counts_the_attempt(here: Installation) -> None:
    ids = [await here.enqueue() for _ in range(5)]
    first = await here.claim(3)
    assert [task.id for task in first] == ids[:3]
    assert [task.attempt for task in first] == [1, 1, 1]
    assert len({task.lease_token for task in first}) == 3
    assert [task.id for task in await here.claim(3)] == ids[3:]
    assert await here.claim() == []
    task = await here.task(ids[0])
    assert task.status == "running"
    assert task.worker_id == 1


async def test_delayed_task_is_claimed_when_its_time_has_come(here: Installation) -> None:
    task_id = await here.enqueue(delay=60)
    assert (await here.task(task_id)).status == "scheduled"
    assert await here.claim() == []
    await here.move_clock(timedelta(seconds=61))
    assert (await here.task(task_id)).status == "ready"
    assert [task.id for task in await here.claim()] == [task_id]


async def test_complete_keeps_history_and_result(here: Installation) -> None:
    plain, rich = await here.enqueue(), await here.enqueue()
    one, two = await here.claim()
    assert await leases.complete(here.database, [one.id], [one.lease_token]) == {one.lease_token}
    accepted = await leases.complete_with_results(here.database, [two.id], [two.lease_token], ['{"sum": 3}'], [2])
    assert accepted == {two.lease_token}
    assert (await here.task(plain)).result is None
    done = await here.task(rich)
    assert (done.status, done.result, done.attempt) == ("succeeded", {"sum": 3}, 1)
    assert done.finished_at is not None
    assert await here.outcomes(rich) == ["succeeded"]
    rows = await here.query("SELECT count(*) FROM rowlock.tasks_live")
    assert rows == [(0,)]


async def test_finished_task_lies_in_the_day_it_may_be_dropped(here: Installation) -> None:
    await here.query(
        "INSERT INTO rowlock.queues (name, retention_succeeded_days) VALUES ('default', 2), ('endless', 365)"
    )
    kept, longer = await here.enqueue(), await here.enqueue(queue="endless")
    for task in await here.claim() + await here.claim(queue="endless"):
        await leases.complete(here.database, [task.id], [task.lease_token])
    days = await here.query("SELECT expires_on - rowlock.today() FROM rowlock.tasks WHERE id = %(id)s", {"id": kept})
    assert days == [(2,)]
    # No partition reaches a year ahead until maintenance makes it: the row is filed on the last day there is.
    rows = await here.query(
        "SELECT expires_on = (SELECT last_day FROM rowlock.partition_horizon WHERE parent = 'tasks') "
        "FROM rowlock.tasks WHERE id = %(id)s",
        {"id": longer},
    )
    assert rows == [(True,)]


async def test_missing_partitions_never_stop_a_finish(here: Installation) -> None:
    await here.enqueue()
    task = (await here.claim())[0]
    await here.move_clock(timedelta(days=400))
    await leases.complete(here.database, [task.id], [task.lease_token])
    assert (await here.task(task.id)).status == "succeeded"
    assert await here.query("SELECT count(*) FROM rowlock.executions") == [(1,)]


async def test_retry_spends_the_attempt_and_backs_off(here: Installation) -> None:
    task_id = await here.enqueue(max_attempts=2)
    task = (await here.claim())[0]
    assert await leases.retry(here.database, [said(task, delay_seconds=30)], worker_id=1) == {task.lease_token}
    waiting = await here.task(task_id)
    assert (waiting.status, waiting.attempt, waiting.error) == ("retrying", 1, "ValueError: no")
    assert await here.claim() == []
    await here.move_clock(timedelta(seconds=31))
    again = (await here.claim())[0]
    assert again.attempt == 2
    assert await leases.bury(here.database, [said(again)]) == {again.lease_token}
    dead = await here.task(task_id)
    assert (dead.status, dead.reason) == ("dead", "error")
    assert await here.outcomes(task_id) == ["failed", "failed"]
    letters = await here.query("SELECT id, attempts FROM rowlock.dead_letters")
    assert letters == [(task_id, 2)]


async def test_what_is_left_to_others_waits_longer_the_second_time_and_is_no_attempt(here: Installation) -> None:
    task_id, passed = await here.enqueue(), 0
    for reason, waited in (("no_handler", 15), ("unknown_version", 60), ("no_handler", 60)):
        [task] = await here.claim()
        left = FailedAttempt(task_id, task.lease_token, "released", reason, delay_seconds=15)
        assert await leases.defer(here.database, [left]) == {task.lease_token}
        waiting = await here.task(task_id)
        assert (waiting.status, waiting.attempt, waiting.reason) == ("scheduled", 0, reason)
        await here.move_clock(timedelta(seconds=passed + waited - 5))
        assert await here.claim() == []
        passed += waited + 5
        await here.move_clock(timedelta(seconds=passed))
    assert await here.outcomes(task_id) == []
    assert (await here.claim())[0].attempt == 1


async def test_snooze_and_release_do_not_spend_the_attempt(here: Installation) -> None:
    task_id = await here.enqueue()
    task = (await here.claim())[0]
    await leases.snooze(here.database, [said(task, "snoozed", delay_seconds=0)], worker_id=1)
    assert (await here.task(task_id)).attempt == 0
    task = (await here.claim())[0]
    assert await leases.release(here.database, [task.id], [task.lease_token]) == 1
    assert (await here.task(task_id)).attempt == 0
    assert await here.outcomes(task_id) == ["snoozed"]
    assert (await here.claim())[0].attempt == 1


STALE: dict[str, Say] = {
    "complete": lambda here, t: leases.complete(here.database, [t.id], [t.lease_token]),
    "complete_with_results": lambda here, t: leases.complete_with_results(
        here.database, [t.id], [t.lease_token], ["1"], [1]
    ),
    "retry": lambda here, t: leases.retry(here.database, [said(t)], worker_id=1),
    "snooze": lambda here, t: leases.snooze(here.database, [said(t, "snoozed")], worker_id=1),
    "defer": lambda here, t: leases.defer(here.database, [said(t, "released")]),
    "bury": lambda here, t: leases.bury(here.database, [said(t)]),
    "cancel": lambda here, t: leases.acknowledge_cancel(here.database, [said(t, "cancelled")]),
    "release": lambda here, t: leases.release(here.database, [t.id], [t.lease_token]),
}


@pytest.mark.parametrize("word", STALE)
async def test_stale_holder_changes_nothing(here: Installation, word: str) -> None:
    task_id = await here.enqueue()
    stale = (await here.claim(worker=1, lease_seconds=5))[0]
    await here.move_clock(timedelta(seconds=6))
    newer = (await here.claim(worker=2, lease_seconds=5))[0]
    assert newer.attempt == 2
    before = await here.task(task_id)
    assert not await STALE[word](here, stale)
    assert await here.task(task_id) == before
    with pytest.raises(LeaseLost):
        await leases.report_progress(here.database, stale.id, stale.lease_token, '{"done": 1}')
    renewal = await leases.renew(here.database, [stale.id], [stale.lease_token], lease_seconds=5)
    assert renewal.lost == {stale.lease_token}
    assert await leases.complete(here.database, [newer.id], [newer.lease_token]) == {newer.lease_token}
    assert await here.outcomes(task_id) == ["lease_expired", "succeeded"]


async def test_old_and_new_lease_of_one_task_in_one_batch_are_told_apart(here: Installation) -> None:
    task_id, other_id = await here.enqueue(), await here.enqueue()
    stale, other = await here.claim(lease_seconds=5)
    await here.move_clock(timedelta(seconds=6))
    newer, other_newer = await here.claim(lease_seconds=5)
    ids, tokens = [stale.id, other_newer.id], [stale.lease_token, other_newer.lease_token]
    assert await leases.complete(here.database, ids, tokens) == {other_newer.lease_token}
    assert (await here.task(task_id)).status == "running"
    assert (await here.task(other_id)).status == "succeeded"
    assert newer.lease_token > stale.lease_token
    assert other.id == other_newer.id


async def test_renewal_keeps_the_lease_and_tells_of_cancellation(here: Installation) -> None:
    task_id = await here.enqueue()
    task = (await here.claim(lease_seconds=5))[0]
    await here.query("SELECT rowlock.cancel(%(id)s)", {"id": task_id})
    await here.move_clock(timedelta(seconds=4))
    renewal = await leases.renew(here.database, [task.id], [task.lease_token], lease_seconds=5)
    assert renewal.renewed == {task.lease_token}
    assert renewal.cancel_requested == {task.lease_token}
    await here.move_clock(timedelta(seconds=8))
    assert await here.claim() == []
    await leases.acknowledge_cancel(here.database, [said(task, "cancelled")])
    assert (await here.task(task_id)).status == "cancelled"


async def test_out_of_attempts_is_not_claimed_again(here: Installation) -> None:
    task_id = await here.enqueue(max_attempts=1)
    await here.claim(lease_seconds=5)
    await here.move_clock(timedelta(seconds=6))
    assert await here.claim() == []
    codes = await here.query("SELECT code FROM rowlock.explain_task(%(id)s)", {"id": task_id})
    assert codes[0] == ("lease_expired",)


async def test_two_claimers_never_share_a_task(here: Installation) -> None:
    ids = {await here.enqueue() for _ in range(60)}
    taken = await asyncio.gather(*(here.claim(20, worker=n) for n in range(6)))
    claimed = [task.id for batch in taken for task in batch]
    rest = [task.id for task in await here.claim(60)]
    assert len(claimed + rest) == len(set(claimed + rest))
    assert set(claimed + rest) == ids


async def test_paused_queue_is_not_claimed(here: Installation) -> None:
    await here.enqueue(tenant="acme")
    await here.query("SELECT rowlock.pause_queue('default', 'acme')")
    assert await here.claim(lane="acme") == []
    await here.enqueue()
    assert len(await here.claim()) == 1
    await here.query("SELECT rowlock.resume_queue('default', 'acme')")
    assert len(await here.claim(lane="acme")) == 1
    await here.query("SELECT rowlock.pause_queue('default', '*')")
    await here.enqueue()
    assert await here.claim() == []


# What has run out of its lease in a lane that has a cap.


async def capped(here: Installation) -> tuple[ClaimedTask, UUID]:
    """One that ran alone in its lane, and ran out of its lease; and one that waits."""
    await here.query("INSERT INTO rowlock.limits (queue, lane, max_running) VALUES ('default', 'default', 1)")
    _, waiting = await here.enqueue(), await here.enqueue()
    [one] = await here.claim()
    await here.move_clock(timedelta(seconds=31))
    return one, waiting


async def test_a_lease_that_ran_out_is_lost_to_whoever_has_its_place_in_the_lane(here: Installation) -> None:
    one, waiting = await capped(here)
    [two] = await here.claim()
    assert two.id == waiting
    found = await renew(here.database, [one, two], lease_seconds=30)
    assert (found.renewed, found.lost) == ({two.lease_token}, {one.lease_token})
    assert await here.claim() == []


async def test_a_lease_that_ran_out_is_renewed_where_its_place_is_free(here: Installation) -> None:
    one, waiting = await capped(here)
    found = await renew(here.database, [one], lease_seconds=30)
    assert (found.renewed, found.lost) == ({one.lease_token}, frozenset())
    assert await here.claim() == []
    await leases.complete(here.database, [one.id], [one.lease_token])
    assert [task.id for task in await here.claim()] == [waiting]


async def test_a_lease_that_ran_out_is_no_longer_bound_by_a_cap_that_was_lifted(here: Installation) -> None:
    one, _ = await capped(here)
    await here.claim()
    await here.query("DELETE FROM rowlock.limits")
    async with here.database.link() as link:
        found = await leases.renew_capped(
            link, [one.id], [one.lease_token], queue=one.queue, lane=one.lane, lease_seconds=30
        )
    assert found.renewed == {one.lease_token}


async def test_of_a_lease_that_somebody_holds_fast_nothing_is_told(here: Installation) -> None:
    one, _ = await capped(here)
    async with here.database.link() as other, other.transaction():
        await other.query("SELECT FROM rowlock.tasks_live WHERE id = %(id)s FOR UPDATE", {"id": one.id})
        async with here.database.link() as link:
            found = await leases.renew_capped(
                link, [one.id], [one.lease_token], queue=one.queue, lane=one.lane, lease_seconds=30
            )
    assert found == leases.Renewal(*[frozenset()] * 4)


# What changes between a statement's snapshot and its locks.

CLOCK_THAT_HOLDS_CLAIMS = """
CREATE OR REPLACE FUNCTION rowlock.clock() RETURNS timestamptz LANGUAGE plpgsql STABLE AS $$
BEGIN
    IF current_setting('application_name') LIKE '% claims' THEN PERFORM pg_advisory_xact_lock_shared(77); END IF;
    RETURN now() + interval '1 minute';
END $$
"""
HELD_BY_CLOCK = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = 77 AND NOT granted"
TAKE = {
    "claim": (3, lambda link: claimed(link, PLAN, room=10, worker_id=2, lease_seconds=30)),
    "claim_capped": (3, lambda link: claimed(link, PLAN, room=10, worker_id=2, lease_seconds=30)),
    "rescue_exhausted": (1, lambda link: rescue.rescue_exhausted(link, limit=10)),
}


@pytest.mark.parametrize("statement", TAKE)
async def test_the_end_of_an_attempt_is_written_once_though_its_row_has_moved_meanwhile(
    here: Installation, statement: str
) -> None:
    if statement == "claim_capped":
        await here.query("INSERT INTO rowlock.limits (queue, lane, max_running) VALUES ('default', 'default', 1)")
    attempts, take = TAKE[statement]
    link = await leases.claiming_link(here.database)
    await here.query(CLOCK_THAT_HOLDS_CLAIMS)
    for _ in range(3):  # so that all is planned
        assert await take(link) == []
    await here.enqueue(max_attempts=attempts, run_at=datetime(2020, 1, 1, tzinfo=UTC))
    [held] = await here.claim(lease_seconds=-30)
    async with here.database.link() as gate:
        await gate.query("SELECT pg_advisory_lock(77)")
        taking = asyncio.create_task(take(link))
        await eventually(lambda: is_true(here, HELD_BY_CLOCK))
        await leases.report_progress(here.database, held.id, held.lease_token, "1")
        await gate.query("SELECT pg_advisory_unlock(77)")
    taken = await taking
    assert await here.outcomes(held.id) == ["lease_expired"] * len(taken)
    taken += await take(link)
    assert len(taken) == 1
    assert await here.outcomes(held.id) == ["lease_expired"]
    await link.close()


async def is_true(here: Installation, query: str) -> bool:
    return bool((await here.query(query))[0][0])
