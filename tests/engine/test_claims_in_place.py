"""A claim changes nothing that is indexed; what it leaves where it lay is found again; older workers are heeded."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from uuid import UUID

import pytest
from tests.harness.installation import Installation

from rowlock.domain.lanes import Lane, LanePlan
from rowlock.engine import operate
from rowlock.engine.claim import Claimer
from rowlock.engine.rescue import adopt_leases, rescue_abandoned
from rowlock.store import leases, workers
from rowlock.store.counts import count_live
from rowlock.store.leases import ClaimedTask, LeaseTerms
from rowlock.store.links import Link
from rowlock.store.operations import Actor

LANE = Lane("default", 2, "default")
CHANGED_BY_A_CLAIM = {
    "status", "attempt", "lease_token", "worker_id", "started_at", "wait_seconds", "lost_lease", "lease_expires_at"
}  # fmt: skip
INDEXED = """
SELECT DISTINCT column_.attname::text
  FROM pg_index AS index
  LEFT JOIN pg_depend AS uses ON uses.objid = index.indexrelid AND uses.refobjid = index.indrelid
  JOIN pg_attribute AS column_
    ON column_.attrelid = index.indrelid
   AND column_.attnum IN (SELECT uses.refobjsubid UNION SELECT unnest(index.indkey))
 WHERE index.indrelid = 'rowlock.tasks_live'::regclass AND column_.attnum > 0
"""
IN_PLACE = """
SELECT n_tup_hot_upd, n_tup_upd FROM pg_stat_xact_all_tables WHERE relid = 'rowlock.tasks_live'::regclass
"""
LEASED = """
SELECT count(*) FILTER (WHERE lease_moved AND visible_at = lease_expires_at),
       count(*) FILTER (WHERE lease_moved IS NULL AND visible_at < started_at)
  FROM rowlock.tasks_live WHERE status = 'running'
"""


@asynccontextmanager
async def link_for_claims(here: Installation) -> AsyncIterator[Link]:
    link = await leases.claiming_link(here.database)
    try:
        yield link
    finally:
        await link.close()


async def claim_by_older(here: Installation, worker: int, task_ids: list[UUID], *, lease_seconds: int) -> None:
    """As versions did that know nothing of claims in place, and so leave alone what those note."""
    changed = await here.query(
        """
        UPDATE rowlock.tasks_live
           SET status = 'running', attempt = attempt + 1, lease_token = nextval('rowlock.lease_tokens'),
               worker_id = %(worker)s, started_at = rowlock.clock(),
               visible_at = rowlock.clock() + make_interval(secs => %(lease_seconds)s)
         WHERE id = ANY (%(ids)s) RETURNING id
        """,
        {"worker": worker, "lease_seconds": lease_seconds, "ids": task_ids},
    )
    assert len(changed) == len(task_ids)


async def beat(here: Installation, worker: int) -> bool | None:
    return await workers.beat(
        here.database, worker, expires_seconds=60, running=0, health="healthy", health_reason=None, draining=False
    )


async def complete(here: Installation, taken: list[ClaimedTask]) -> None:
    assert await leases.complete(here.database, [t.id for t in taken], [t.lease_token for t in taken])


async def cap(here: Installation, most: int) -> None:
    await operate.set_limit(here.database, "default", "default", None, most, actor=Actor("test"))


async def test_no_index_mentions_what_a_claim_changes(here: Installation) -> None:
    indexed = {name for (name,) in await here.query(INDEXED)}
    assert {"id", "visible_at", "queue", "lease_moved", "cancel_requested_at"} <= indexed
    assert indexed.isdisjoint(CHANGED_BY_A_CLAIM)


@pytest.mark.parametrize("statement", ["claim", "claim_new"])
async def test_rows_are_claimed_on_their_own_pages(here: Installation, statement: str) -> None:
    ids = [await here.enqueue() for _ in range(40)]
    async with link_for_claims(here) as link, link.transaction():
        plan, terms = LanePlan(LANE, None, 40), LeaseTerms(1, 30)
        taken = await (
            leases.claim(link, [plan], room=40, terms=terms)
            if statement == "claim"
            else leases.claim_new(link, plan, room=40, terms=terms)
        )
        assert await link.query(IN_PLACE) == [(40, 40)]
    assert [task.id for task in taken] == ids


@pytest.mark.parametrize("statement", ["claim", "claim_new", "claim_capped"])
async def test_leases_move_where_they_must_be_found(here: Installation, statement: str) -> None:
    """Those of last attempts, of lanes with a cap, and all while an older worker lives."""
    await here.enqueue(max_attempts=1)
    await here.enqueue(max_attempts=2)
    if statement == "claim_capped":
        await cap(here, 2)
    expected = {("claim", True): 1, ("claim_new", True): 1}
    for in_place in (True, False):
        plan, terms = LanePlan(LANE, None, 2), LeaseTerms(1, 30, in_place)
        async with link_for_claims(here) as link:
            if statement == "claim":
                taken = await leases.claim(link, [plan], room=2, terms=terms)
            else:
                taken = await getattr(leases, statement)(link, plan, room=2, terms=terms)
        moved = expected.get((statement, in_place), 2)
        assert await here.query(LEASED) == [(moved, 2 - moved)]
        assert await leases.release(here.database, [t.id for t in taken], [t.lease_token for t in taken]) == 2
    assert await here.query("SELECT DISTINCT lease_expires_at, lease_moved FROM rowlock.tasks_live") == [(None, None)]


async def test_a_renewed_lease_moves(here: Installation) -> None:
    await here.enqueue()
    [held] = await here.claim()
    assert await here.query(LEASED) == [(0, 1)]
    await leases.renew(here.database, [held.id], [held.lease_token], lease_seconds=30)
    assert await here.query(LEASED) == [(1, 0)]


async def test_people_see_the_lease_s_end_either_way(here: Installation) -> None:
    task_id = await here.enqueue()
    created = (await here.task(task_id)).visible_at
    [held] = await here.claim(lease_seconds=30)
    first = (await here.task(task_id)).visible_at
    await leases.renew(here.database, [held.id], [held.lease_token], lease_seconds=30)
    second = (await here.task(task_id)).visible_at
    assert created + timedelta(seconds=30) <= first <= second
    assert await here.query("SELECT visible_at, state FROM rowlock.task_state") == [(second, "running")]


async def test_all_that_was_lost_in_its_place_is_claimed_again_in_its_turn(here: Installation) -> None:
    """More than one claim takes at once, by a worker whose floor has passed it, and which then goes on where it was."""
    lost = [await here.enqueue() for _ in range(5)]
    assert len(await here.claim(worker=7, lease_seconds=5)) == 5
    await here.query("UPDATE rowlock.tasks_live SET visible_at = visible_at - interval '1 minute'")
    claimer = Claimer(["default"], lease_seconds=30, lanes_per_scan=10, refresh_seconds=0)
    async with link_for_claims(here) as link:
        passed = await here.enqueue()
        assert [task.id for task in await claimer.claim(link, 1, 2)] == [passed]
        await here.move_clock(timedelta(seconds=6))
        assert await claimer.claim(link, 1, 2) == []
        assert await claimer.sweep(here.database)
        new = await here.enqueue()
        taken = [await claimer.claim(link, 1, 2) for _ in range(4)]
    assert [[task.id for task in batch] for batch in taken] == [lost[:2], lost[2:4], [lost[4], new], []]
    assert [task.attempt for batch in taken for task in batch] == [2, 2, 2, 2, 2, 1]
    assert await here.outcomes(lost[0]) == ["lease_expired"]


async def test_where_whole_sweeps_are_slow_short_ones_find_what_was_lost_lately(here: Installation) -> None:
    now, step = 0.0, 10.0

    def monotonic() -> float:
        nonlocal now
        now += step
        return now

    claimer = Claimer(["default"], lease_seconds=5, lanes_per_scan=10, refresh_seconds=0, monotonic=monotonic)
    async with link_for_claims(here) as link:
        await here.enqueue()
        await complete(here, await claimer.claim(link, 1, 10))
        assert await claimer.claim(link, 1, 10) == []
        assert not await claimer.sweep(here.database)  # which seems to take 10 s
        step = 0
        assert not await claimer.sweep(here.database)
        await here.move_clock(timedelta(seconds=20))
        lost = await here.enqueue()
        assert len(await here.claim(worker=7, lease_seconds=15)) == 1
        await here.query(
            "INSERT INTO rowlock.tasks_live (id, name, visible_at) "
            "VALUES (rowlock.new_id(), 'late', rowlock.clock() - interval '1 hour')"
        )
        await here.move_clock(timedelta(seconds=30))
        await here.enqueue()
        await complete(here, await claimer.claim(link, 1, 10))
        assert await claimer.claim(link, 1, 10) == []
        await here.move_clock(timedelta(seconds=40))
        now += 60
        assert await claimer.sweep(here.database)
        assert [task.id for task in await claimer.claim(link, 1, 10)] == [lost]
        now += 300
        assert await claimer.sweep(here.database)
        assert [task.name for task in await claimer.claim(link, 1, 10)] == ["late"]


async def test_a_task_that_was_lost_has_waited_since_its_lease_ended(here: Installation) -> None:
    await here.enqueue()
    await here.claim(lease_seconds=5)
    await here.move_clock(timedelta(seconds=15))
    [again] = await here.claim()
    assert 9 < again.wait_seconds < 11
    assert again.lost_lease


async def test_a_young_cap_counts_what_was_claimed_before_it(here: Installation) -> None:
    for _ in range(4):
        await here.enqueue()
    before = await here.claim(2)
    await cap(here, 3)
    assert len(await here.claim(4)) == 1
    assert await here.claim(4) == []
    await leases.complete(here.database, [before[0].id], [before[0].lease_token])
    assert len(await here.claim(4)) == 1


async def test_a_cap_that_is_no_longer_young_counts_leases_that_moved(here: Installation) -> None:
    for _ in range(4):
        await here.enqueue()
    await cap(here, 2)
    await here.move_clock(timedelta(hours=1))
    held = await here.claim(4)
    assert len(held) == 2
    assert await here.claim(4) == []
    await leases.complete(here.database, [held[0].id], [held[0].lease_token])
    assert len(await here.claim(4)) == 1


async def test_an_older_worker_is_told_of_until_it_is_gone(here: Installation) -> None:
    own, in_place = await here.register_worker()
    assert in_place
    older, _ = await here.register_worker(knows=False)
    assert await beat(here, own) is False
    assert (await here.register_worker())[1] is False
    await workers.stop_worker(here.database, older)
    assert await beat(here, own) is True
    assert await beat(here, own + 1_000) is None


async def test_an_older_worker_that_said_no_goodbye_is_forgotten_with_its_row(here: Installation) -> None:
    own, _ = await here.register_worker()
    await here.register_worker(knows=False, expires_seconds=15)
    await here.move_clock(timedelta(seconds=16))
    assert await beat(here, own) is True
    assert (await here.register_worker())[1] is True


@pytest.mark.parametrize("before", ["nothing", "claimed in its place", "claimed and renewed"])
@pytest.mark.parametrize("marked_by", ["this leader", "the one before"])
async def test_last_attempts_of_an_older_worker_are_rescued(here: Installation, before: str, marked_by: str) -> None:
    """Whatever earlier attempts left in the row, and whoever noticed that the worker is gone."""
    older, _ = await here.register_worker(knows=False, expires_seconds=15)
    last = await here.enqueue(max_attempts=1 if before == "nothing" else 2)
    if before != "nothing":
        [held] = await here.claim(lease_seconds=60)
        if before == "claimed and renewed":
            await leases.renew(here.database, [held.id], [held.lease_token], lease_seconds=60)
    await claim_by_older(here, older, [last], lease_seconds=60)
    if marked_by == "the one before":
        await workers.stop_worker(here.database, older)
    await here.move_clock(timedelta(seconds=61))
    first = await rescue_abandoned(here.database)
    assert first.older_workers_gone == (marked_by == "this leader")
    await adopt_leases(here.database)
    second = await rescue_abandoned(here.database)
    found = (first.buried + second.buried, first.spared + second.spared)
    assert found == ((1, 0) if before == "nothing" else (0, 1))
    assert (await here.task(last)).status == ("dead" if before == "nothing" else "ready")


async def test_what_an_older_worker_gives_back_can_be_claimed_at_once(here: Installation) -> None:
    """It leaves the end of the former lease in the row."""
    task_id = await here.enqueue()
    await here.claim(lease_seconds=3_600)
    await claim_by_older(here, 9, [task_id], lease_seconds=60)
    await here.query(
        "UPDATE rowlock.tasks_live SET status = 'pending', visible_at = rowlock.clock(), lease_token = NULL"
    )
    [again] = await here.claim()
    assert again.wait_seconds < 1


async def test_a_cap_counts_what_older_workers_run(here: Installation) -> None:
    older, _ = await here.register_worker(knows=False, expires_seconds=10_000)
    held, *_ = [await here.enqueue() for _ in range(3)]
    await cap(here, 2)
    await here.move_clock(timedelta(hours=3))
    await claim_by_older(here, older, [held], lease_seconds=60)
    assert len(await here.claim(3)) == 1


async def test_a_cap_is_young_for_the_longest_lease_of_all_workers(here: Installation) -> None:
    await here.register_worker(expires_seconds=3_600)
    for _ in range(3):
        await here.enqueue()
    assert len(await here.claim(2, lease_seconds=3_600)) == 2
    await cap(here, 2)
    await here.move_clock(timedelta(seconds=3_000))
    assert await here.claim(2, lease_seconds=30) == []


async def test_a_lane_whose_tasks_all_run_in_their_places_is_not_due(
    here: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    await here.enqueue()
    await here.claim(worker=7)
    monkeypatch.delattr(leases, "claim")
    claimer = Claimer(["default"], lease_seconds=30, lanes_per_scan=10, refresh_seconds=0)
    async with link_for_claims(here) as link:
        assert await claimer.claim(link, 1, 10) == []


async def test_a_sweep_comes_within_a_sixth_of_a_lease(here: Installation) -> None:
    now = 0.0
    claimer = Claimer(["default"], lease_seconds=6, lanes_per_scan=10, refresh_seconds=0, monotonic=lambda: now)
    lost = await here.enqueue()
    await here.claim(worker=7, lease_seconds=6)
    await here.query("UPDATE rowlock.tasks_live SET visible_at = visible_at - interval '1 minute'")
    async with link_for_claims(here) as link:
        await here.enqueue()
        assert len(await claimer.claim(link, 1, 10)) == 1
        assert await claimer.claim(link, 1, 10) == []
        assert not await claimer.sweep(here.database)
        await here.move_clock(timedelta(seconds=6))
        now = 0.9
        assert not await claimer.sweep(here.database)
        now = 1.0
        assert await claimer.sweep(here.database)
        assert lost in [task.id for task in await claimer.claim(link, 1, 10)]


async def test_views_and_counts_know_which_leases_last(here: Installation) -> None:
    for seconds in (5, 60):
        await here.enqueue()
        await here.claim(lease_seconds=seconds)
    await here.move_clock(timedelta(seconds=70))
    await here.enqueue(queue="other")
    await here.claim(queue="other", lease_seconds=60)
    assert await here.query("SELECT queue, running, orphaned FROM rowlock.queue_depth ORDER BY queue") == [
        ("default", 0, 2), ("other", 1, 0)
    ]  # fmt: skip
    assert sorted((row.queue, row.running, row.orphaned) for row in await count_live(here.database)) == [
        ("default", 0, 2), ("other", 1, 0)
    ]  # fmt: skip
    assert await here.query("SELECT code, count(*) FROM rowlock.stuck_tasks GROUP BY code") == [("lease_expired", 1)]
    [(until,)] = await here.query(
        "SELECT lease_expires_at - rowlock.clock() FROM rowlock.running_tasks WHERE queue = 'other'"
    )
    assert timedelta(seconds=55) < until <= timedelta(seconds=60)
