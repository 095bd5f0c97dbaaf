"""From lanes to leases: priorities, fairness, caps, and what is found however it came."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from tests.harness.installation import TENANT, Installation

from rowlock.domain.errors import DatabaseUnavailable
from rowlock.domain.lanes import Allowance, Lane, LanePlan
from rowlock.domain.requests import task_request
from rowlock.domain.trouble import Trouble
from rowlock.engine.claim import Claimer
from rowlock.engine.renew import renew
from rowlock.store import leases
from rowlock.store.leases import ClaimedTask, LeaseTerms, Renewal
from rowlock.store.links import Link
from rowlock.store.statements import Statement, statement
from rowlock.store.tasks import insert_task


@pytest.fixture
async def link(here: Installation) -> AsyncIterator[Link]:
    opened = await leases.claiming_link(here.database)
    yield opened
    await opened.close()


def claimer(*queues: str, lanes_per_scan: int = 100) -> Claimer:
    return Claimer(queues or ("default",), lease_seconds=30, lanes_per_scan=lanes_per_scan, refresh_seconds=0)


async def drain(chosen: Claimer, link: Link, room: int = 10) -> list[ClaimedTask]:
    taken: list[ClaimedTask] = []
    while batch := await chosen.claim(link, 1, room):
        taken += batch
    return taken


async def test_better_priority_goes_first(here: Installation, link: Link) -> None:
    for priority in ("low", "normal", "critical", "high"):
        await here.enqueue(priority=priority)
    taken = await drain(claimer(), link, room=1)
    assert [task.priority for task in taken] == [0, 1, 2, 3]


async def test_a_small_tenant_does_not_wait_behind_a_big_one(here: Installation, link: Link) -> None:
    for _ in range(50):
        await here.enqueue(tenant="big")
    await here.enqueue(tenant="small")
    first = await claimer().claim(link, 1, 10)
    assert Counter(task.tenant_id for task in first)["small"] == 1


async def test_every_lane_is_found_though_scans_are_bounded(here: Installation, link: Link) -> None:
    tenants = {f"t{n:02}" for n in range(23)}
    for tenant in tenants:
        await here.enqueue(tenant=tenant)
    taken: list[ClaimedTask] = []
    chosen = claimer(lanes_per_scan=5)
    for _ in range(12):
        taken += await chosen.claim(link, 1, 100)
    assert {task.tenant_id for task in taken} == tenants


@pytest.mark.parametrize("flows", [1, 12], ids=["a lane", "more lanes than a scan finds"])
async def test_a_paused_tenant_keeps_no_other_from_being_found(here: Installation, link: Link, flows: int) -> None:
    await here.query("INSERT INTO rowlock.queues (name, tenant_id, paused_at) VALUES ('default', 't02', now())")
    tenants = {f"t{n:02}" for n in range(23)}
    for tenant in tenants:
        for n in range(flows if tenant == "t02" else 1):
            await here.enqueue(tenant=tenant, flow_key=f"f{n:02}")
    taken: list[ClaimedTask] = []
    chosen = claimer(lanes_per_scan=5)
    for _ in range(16):
        taken += await chosen.claim(link, 1, 100)
    assert {task.tenant_id for task in taken} == tenants - {"t02"}
    await here.query("UPDATE rowlock.queues SET paused_at = NULL")
    for _ in range(6):
        taken += await chosen.claim(link, 1, 100)
    assert {task.tenant_id for task in taken} == tenants


async def test_only_subscribed_queues_are_claimed(here: Installation, link: Link) -> None:
    await here.enqueue(queue="mail")
    await here.enqueue(queue="reports")
    assert [task.queue for task in await drain(claimer("mail", "other"), link)] == ["mail"]


async def test_capped_lane_never_runs_more_than_its_cap(here: Installation) -> None:
    await here.query("INSERT INTO rowlock.limits (queue, lane, max_running) VALUES ('default', 'default', 3)")
    for _ in range(20):
        await here.enqueue()
    links = [await leases.claiming_link(here.database) for _ in range(4)]
    batches = await asyncio.gather(*(claimer().claim(link, n, 10) for n, link in enumerate(links)))
    taken = [task for batch in batches for task in batch]
    assert len(taken) == 3
    await leases.complete(here.database, [taken[0].id], [taken[0].lease_token])
    assert len(await claimer().claim(links[0], 1, 10)) == 1
    assert await claimer().claim(links[1], 1, 10) == []
    for link in links:
        await link.close()


async def test_what_was_taken_is_not_lost_over_a_capped_lane_in_trouble(here: Installation, link: Link) -> None:
    await here.query("INSERT INTO rowlock.limits (queue, lane, max_running) VALUES ('default', 'acme', 3)")
    plain, capped = await here.enqueue(), await here.enqueue(tenant="acme")
    chosen = claimer()
    refuse = (
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RAISE 'no' USING ERRCODE = '40001'; END$$"
    )
    await here.query(refuse)
    await here.query(
        "CREATE TRIGGER refuse BEFORE UPDATE ON rowlock.tasks_live FOR EACH ROW WHEN (old.lane = 'acme') "
        "EXECUTE FUNCTION refuse()"
    )
    assert [task.id for task in await chosen.claim(link, 1, 10)] == [plain]
    with pytest.raises(DatabaseUnavailable):
        await chosen.claim(link, 1, 10)
    await here.query("DROP TRIGGER refuse ON rowlock.tasks_live")
    assert [task.id for task in await chosen.claim(link, 1, 10)] == [capped]


async def test_a_lane_that_was_heard_of_needs_no_scan(
    here: Installation, link: Link, monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen = claimer()
    assert await chosen.claim(link, 1, 10) == []
    task_id = await here.enqueue(tenant="acme")
    monkeypatch.delattr(leases, "find_lanes")
    (taken,) = await chosen.claim(link, 1, 10, heard_of={Lane("default", 2, "acme"): None})
    assert taken.id == task_id


async def test_what_was_heard_of_leaves_room_for_what_is_more_urgent(here: Installation, link: Link) -> None:
    for _ in range(20):
        await here.enqueue(priority="low")
    urgent = await here.enqueue(priority="critical")
    chosen = claimer()
    first = await chosen.claim(link, 1, 10, heard_of={Lane("default", 3, "default"): None})
    assert [task.priority for task in first] == [3] * 5
    assert [task.id for task in await chosen.claim(link, 1, 5)] == [urgent]


async def test_a_single_place_goes_to_the_most_urgent_whatever_was_heard(here: Installation, link: Link) -> None:
    await here.enqueue(priority="low")
    urgent = await here.enqueue(priority="critical")
    (taken,) = await claimer().claim(link, 1, 1, heard_of={Lane("default", 3, "default"): None})
    assert taken.id == urgent


async def test_of_those_heard_of_the_most_urgent_goes_first(here: Installation, link: Link) -> None:
    for priority in ("low", "high"):
        await here.enqueue(priority=priority)
    heard_of = dict.fromkeys([Lane("default", 3, "default"), Lane("default", 1, "default")])
    assert [task.priority for task in await claimer().claim(link, 1, 10, heard_of=heard_of)] == [1]


async def test_hearsay_that_is_not_so_costs_nothing_but_a_look(here: Installation, link: Link) -> None:
    there = await here.enqueue(tenant="there")
    (taken,) = await claimer().claim(link, 1, 10, heard_of={Lane("default", 2, "gone"): None})
    assert taken.id == there


@pytest.mark.parametrize("heard_of", [{}, {Lane("default", 2, "default"): None}], ids=["known", "heard of"])
async def test_a_cap_counts_from_the_next_claim_on(here: Installation, link: Link, heard_of: dict[Lane, None]) -> None:
    """Whatever the worker has known of the lane before."""
    for _ in range(10):
        await here.enqueue()
    chosen = Claimer(("default",), lease_seconds=30, lanes_per_scan=100, refresh_seconds=3_600)
    assert len(await chosen.claim(link, 1, 2)) == 2
    await here.query("INSERT INTO rowlock.limits (queue, lane, max_running) VALUES ('default', 'default', 3)")
    taken = [*await chosen.claim(link, 1, 8, heard_of=heard_of), *await chosen.claim(link, 1, 8)]
    assert len(taken) == 1


async def test_a_full_lane_does_not_hold_up_what_is_less_urgent(here: Installation, link: Link) -> None:
    await here.query("INSERT INTO rowlock.limits (queue, lane, max_running) VALUES ('default', 'default', 1)")
    for _ in range(3):
        await here.enqueue(priority="critical")
    less_urgent = await here.enqueue(priority="low", tenant="acme")
    chosen = claimer()
    assert [task.priority for task in await chosen.claim(link, 1, 10)] == [0]
    assert [task.id for task in await chosen.claim(link, 1, 10)] == [less_urgent]
    assert await chosen.claim(link, 1, 10) == []


async def test_spent_attempts_that_wait_for_their_rescue_hold_up_nothing(here: Installation, link: Link) -> None:
    await here.enqueue(priority="critical", max_attempts=1)
    await here.claim(priority=0, lease_seconds=0)
    less_urgent = await here.enqueue(priority="low")
    assert [task.id for task in await claimer().claim(link, 1, 10)] == [less_urgent]


async def test_what_a_long_transaction_stores_is_found_as_soon_as_its_commit_tells(
    here: Installation, link: Link
) -> None:
    """Its visible_at lies below the floor that claims have reached meanwhile, and no other sweep is due."""
    lane, request = Lane("default", 2, "default"), task_request("late")
    chosen = Claimer(("default",), lease_seconds=30, lanes_per_scan=100, refresh_seconds=0, monotonic=lambda: 0)
    async with here.database.link() as long, long.transaction():
        ((began,),) = await long.query("SELECT now()")
        await insert_task(long, TENANT, request, wake=True)
        await here.move_clock(timedelta(minutes=1))
        await here.enqueue()
        assert len(await chosen.claim(link, 1, 10)) == 1
        assert not await chosen.sweep(here.database)
    assert await chosen.claim(link, 1, 10, heard_of={lane: began}) == []
    assert chosen.heard_late
    assert await chosen.sweep(here.database)
    assert [task.id for task in await chosen.claim(link, 1, 10)] == [request.id]
    assert not chosen.heard_late
    assert not await chosen.sweep(here.database)


async def test_task_committed_late_is_found_by_a_sweep(here: Installation, link: Link) -> None:
    """Its visible_at lies below the floor that claims have reached meanwhile."""
    now = 0.0
    chosen = Claimer(("default",), lease_seconds=30, lanes_per_scan=100, refresh_seconds=0, monotonic=lambda: now)
    await here.enqueue()
    assert len(await chosen.claim(link, 1, 10)) == 1
    rows = await here.query(
        "INSERT INTO rowlock.tasks_live (id, name, visible_at) "
        "VALUES (rowlock.new_id(), 'late', rowlock.clock() - interval '1 hour') RETURNING id"
    )
    assert await chosen.claim(link, 1, 10) == []
    assert await chosen.sweep(here.database)
    assert [task.id for task in await drain(chosen, link)] == [rows[0][0]]
    assert not await chosen.sweep(here.database)  # for it is not due
    now = 60.0
    assert not await chosen.sweep(here.database)


async def test_tells_how_long_there_will_be_nothing_to_claim(here: Installation, link: Link) -> None:
    chosen = Claimer(
        ("default",), lease_seconds=30, lanes_per_scan=100, refresh_seconds=0, ahead_seconds=60, monotonic=lambda: 7
    )
    await here.enqueue(tenant="beyond", delay=3_600)
    assert await chosen.claim(link, 1, 10) == []
    assert chosen.idle_seconds == 60
    for seconds in (50, 40):
        await here.enqueue(tenant=f"in {seconds}", delay=seconds)
    assert await chosen.claim(link, 1, 10) == []
    assert 30 < chosen.idle_seconds <= 40


async def test_does_not_look_ahead_with_every_scan(here: Installation, link: Link) -> None:
    """Leases that have ended lie ahead, under a pinned horizon by the thousand."""
    now = 0.0
    chosen = Claimer(
        ("default",), lease_seconds=30, lanes_per_scan=100, refresh_seconds=9, ahead_seconds=60, monotonic=lambda: now
    )
    assert await chosen.claim(link, 1, 10) == []
    await here.enqueue(delay=40)
    now = 8.0
    assert await chosen.claim(link, 1, 10) == []
    assert chosen.idle_seconds == 1
    now = 9.0
    assert await chosen.claim(link, 1, 10) == []
    assert 30 < chosen.idle_seconds <= 40


async def test_news_for_a_queue_without_places_are_no_reason_to_look_for_lanes(
    here: Installation, link: Link, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They come by the hundred, and a scan of many lanes takes long. What lies elsewhere is found when it is time."""
    now = 0.0
    chosen = Claimer(
        ("full", "free"),
        lease_seconds=30,
        lanes_per_scan=100,
        refresh_seconds=9,
        ahead_seconds=5,
        monotonic=lambda: now,
    )
    full = [Allowance(frozenset({"full"}), 0)]
    await here.enqueue(queue="full")
    assert await chosen.claim(link, 1, 10, allowances=full) == []
    free = await here.enqueue(queue="free")
    now = 8.0
    with monkeypatch.context() as patched:
        patched.delattr(leases, "find_lanes")
        assert await chosen.claim(link, 1, 10, heard_of={Lane("full", 2, "acme"): None}, allowances=full) == []
    assert chosen.idle_seconds == 1
    now = 9.0
    assert [task.id for task in await chosen.claim(link, 1, 10, allowances=full)] == [free]


def lock_lane_by(monkeypatch: pytest.MonkeyPatch, said: str, seconds: str) -> None:
    """Has a bound of `lock_lane` be another."""
    lock_lane = statement("lock_lane")
    assert said in lock_lane
    sooner = Statement(lock_lane.replace(said, seconds))
    monkeypatch.setattr(
        "rowlock.store.links.statement", lambda name, *by: sooner if name == "lock_lane" else statement(name, *by)
    )


@pytest.mark.parametrize("word", ["claim_capped", "renew_capped"])
async def test_who_freezes_with_the_lock_on_a_lane_holds_up_nobody_for_long(
    here: Installation, link: Link, monkeypatch: pytest.MonkeyPatch, word: str
) -> None:
    """The server ends its session, and with it the lock."""
    await here.query("INSERT INTO rowlock.limits (queue, lane, max_running) VALUES ('default', 'default', 3)")
    await here.enqueue()
    lock_lane_by(monkeypatch, "'5s'", "'100ms'")

    async def freeze_within(frozen: Link) -> None:
        run = frozen.run

        async def run_or_freeze(name: str, parameters: Mapping[str, Any] | None = None) -> list[Any]:
            if name == word:
                assert len(await claimer().claim(link, 1, 10)) == 1
            return await run(name, parameters)

        monkeypatch.setattr(frozen, "run", run_or_freeze)
        if word == "claim_capped":
            plan = LanePlan(Lane("default", 2, "default"), None, 10)
            await leases.claim_capped(frozen, plan, room=10, terms=LeaseTerms(1, 30))
        else:
            await leases.renew_capped(frozen, [], [], queue="default", lane="default", lease_seconds=30)

    with pytest.raises(DatabaseUnavailable) as refused:
        async with here.database.link() as frozen:
            await freeze_within(frozen)
    assert refused.value.trouble is Trouble.SESSION_ENDED


async def test_a_lane_that_somebody_holds_fast_keeps_a_worker_from_its_other_work_for_a_moment(
    here: Installation, link: Link, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And from its heartbeat, which says nothing then of leases that have run out in it."""
    await here.query("INSERT INTO rowlock.limits (queue, lane, max_running) VALUES ('default', 'default', 3)")
    await here.enqueue()
    [lapsed] = await here.claim()
    await here.query("UPDATE rowlock.tasks_live SET visible_at = now(), lease_expires_at = now()")
    lock_lane_by(monkeypatch, "'2s'", "'50ms'")
    free = await here.enqueue(queue="other")
    chosen = claimer("default", "other")
    async with here.database.link() as other, other.transaction():
        await other.run("lock_lane", {"queue": "default", "lane": "default"})
        assert [task.id for task in await chosen.claim(link, 1, 10)] == [free]
        with pytest.raises(DatabaseUnavailable) as refused:
            await claimer().claim(link, 1, 10)
        assert refused.value.trouble is Trouble.LOCK_TIMEOUT
        found = await renew(here.database, [lapsed], lease_seconds=30)
        assert found == Renewal(*[frozenset()] * 3, lapsed=frozenset({lapsed.lease_token}))
    assert (await renew(here.database, [lapsed], lease_seconds=30)).renewed == {lapsed.lease_token}


async def test_what_nobody_tells_of_is_found_though_there_is_always_something_that_somebody_does(
    here: Installation, link: Link
) -> None:
    clock = [0.0]
    chosen = Claimer(["default"], lease_seconds=30, lanes_per_scan=9, refresh_seconds=1, monotonic=lambda: clock[0])
    assert await chosen.claim(link, 1, 10) == []
    silent = await here.enqueue(tenant="other", priority="critical")
    taken: list[list[UUID]] = []
    for clock[0] in (0.5, 2.0):
        await here.enqueue(tenant="acme")
        told = await chosen.claim(link, 1, 10, heard_of={Lane("default", 2, "acme"): None})
        taken.append([task.id for task in told])
    assert silent not in taken[0]
    assert taken[1] == [silent]
