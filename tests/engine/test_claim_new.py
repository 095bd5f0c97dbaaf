"""What comes to a lane is claimed by a statement of its own, which leaves all that is not plainly new to the next."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from uuid import UUID

import pytest
from tests.harness.installation import Installation

from rowlock.domain.lanes import Lane, LanePlan
from rowlock.engine.claim import Claimer
from rowlock.store import leases
from rowlock.store.leases import ClaimedTask, LeaseTerms

LANE = Lane("default", 2, "default")


async def claim_new(here: Installation, lane: Lane = LANE, *, room: int = 10, quota: int = 10) -> list[ClaimedTask]:
    link = await leases.claiming_link(here.database)
    try:
        return await leases.claim_new(link, LanePlan(lane, None, quota), room=room, terms=LeaseTerms(1, 30))
    finally:
        await link.close()


async def test_takes_the_oldest_and_counts_their_attempts(here: Installation) -> None:
    ids = [await here.enqueue(payload={"number": number}) for number in range(5)]
    first = await claim_new(here, quota=3)
    assert [task.id for task in first] == ids[:3]
    assert [task.payload["number"] for task in first] == [0, 1, 2]
    assert {(task.queue, task.priority, task.lane, task.attempt, task.must_run_alone) for task in first} == {
        (*LANE, 1, False)
    }
    assert len({task.lease_token for task in first}) == 3
    assert [task.id for task in await claim_new(here, room=1)] == ids[3:4]
    assert await leases.complete(here.database, [first[0].id], [first[0].lease_token]) == {first[0].lease_token}
    assert await here.outcomes(ids[0]) == ["succeeded"]


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE rowlock.tasks_live SET visible_at = rowlock.clock() + interval '1 s'",
        "UPDATE rowlock.tasks_live SET status = 'running', attempt = 1, lease_token = 1, worker_id = 1",
        "UPDATE rowlock.tasks_live SET status = 'blocked'",
        "UPDATE rowlock.tasks_live SET attempt = max_attempts",
        "UPDATE rowlock.tasks_live SET deadline_at = rowlock.clock()",
        "UPDATE rowlock.tasks_live SET priority = 1",
        "UPDATE rowlock.tasks_live SET lane = 'acme'",
        "UPDATE rowlock.tasks_live SET queue = 'mail'",
        "SELECT rowlock.pause_queue('default', 'default')",
        "SELECT rowlock.pause_queue('default', '*')",
        "INSERT INTO rowlock.limits (queue, lane, max_running) VALUES ('default', 'default', 10)",
    ],
)
async def test_leaves_what_is_not_new_there_or_is_held_back(here: Installation, change: str) -> None:
    await here.enqueue()
    await here.query(change)
    assert await claim_new(here) == []


async def test_two_never_share_a_task(here: Installation) -> None:
    ids = {await here.enqueue() for _ in range(60)}
    taken = await asyncio.gather(*(claim_new(here, quota=20) for _ in range(4)))
    claimed = [task.id for batch in taken for task in batch]
    rest = [task.id for task in await here.claim(60)]
    assert len(claimed + rest) == len(set(claimed + rest))
    assert set(claimed + rest) == ids


@pytest.mark.parametrize("renewed", [True, False])
async def test_what_ran_out_of_its_lease_is_taken_by_a_claim_after(here: Installation, renewed: bool) -> None:
    """The worker hears of the new task only, and finds the other, which is older, all the same: at once where its lease
    was renewed, and where it was claimed in its place, which the worker's floor has passed, after the next sweep."""
    claimer = Claimer(["default"], lease_seconds=30, lanes_per_scan=10, refresh_seconds=0)
    expired = await here.enqueue()
    [held] = await here.claim(lease_seconds=5)
    if renewed:
        await leases.renew(here.database, [held.id], [held.lease_token], lease_seconds=5)
    await here.move_clock(timedelta(seconds=6))
    new = await here.enqueue()
    link = await leases.claiming_link(here.database)
    taken: list[UUID] = []
    for heard_of in ({LANE: None}, {}):
        taken += [task.id for task in await claimer.claim(link, 2, 10, heard_of=heard_of)]
    if not renewed:
        assert taken == [new]
        assert await claimer.sweep(here.database)
        taken += [task.id for task in await claimer.claim(link, 2, 10)]
    await link.close()
    assert taken == [new, expired]
    assert await here.outcomes(expired) == ["lease_expired"]
