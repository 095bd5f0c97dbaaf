"""Keeping a step: once, under the lease alone, whatever the network does to the question and the answer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.harness.eventually import eventually
from tests.harness.installation import TENANT, Installation, installation, settings_for
from tests.harness.partitions import make_partition
from tests.harness.proxy import Loss, Proxy

from rowlock.domain.errors import LeaseLost
from rowlock.domain.payloads import encode_json
from rowlock.domain.steps import StepName
from rowlock.engine import steps as persistent
from rowlock.store import leases, steps
from rowlock.store.database import Database
from rowlock.store.leases import ClaimedTask
from rowlock.store.links import Link
from rowlock.store.steps import FinishedStep, StepRecord

CHARGE = StepName("charge")


@pytest.fixture
async def here(database_url: str) -> AsyncIterator[Installation]:
    async with installation(database_url) as made:
        yield made


@pytest.fixture
async def task(here: Installation) -> ClaimedTask:
    await here.enqueue()
    [claimed] = await here.claim()
    return claimed


def done(result: str = '"paid"', step: StepName = CHARGE) -> FinishedStep:
    return FinishedStep(step, result, 0.5)


async def keep(here: Installation, task: ClaimedTask, what: FinishedStep, tenant: str = TENANT) -> Any:
    return await steps.record_step(here.database, tenant, task.id, task.lease_token, what)


async def kept(here: Installation, task_id: UUID) -> list[StepRecord]:
    made = (await here.task(task_id)).created_at
    page = await steps.list_steps(
        here.database, TENANT, task_id, since=made, before=None, limit=100, max_bytes=1_000_000
    )
    return page.steps


async def test_a_step_is_kept_with_the_attempt_and_the_lease_that_took_it(
    here: Installation, task: ClaimedTask
) -> None:
    assert await keep(here, task, done()) == "paid"
    assert await keep(here, task, done("null", StepName("charge", 2))) is None
    newest, first = await kept(here, task.id)
    assert (first.step, first.attempt, first.lease_token, first.run_seconds, first.result) == (
        CHARGE, 1, task.lease_token, 0.5, "paid",
    )  # fmt: skip
    assert str(newest.step) == "charge#2"
    found = await steps.load_steps(here.database, TENANT, task.id, task.lease_token)
    assert found == {CHARGE: "paid", StepName("charge", 2): None}


async def test_a_step_is_kept_once_whoever_says_it_again(here: Installation, task: ClaimedTask) -> None:
    await keep(here, task, done())
    assert await keep(here, task, done('"again"')) == "paid"
    await leases.release(here.database, [task.id], [task.lease_token])
    [second] = await here.claim()
    assert await keep(here, second, done('"by the next attempt"')) == "paid"
    assert [record.lease_token for record in await kept(here, task.id)] == [task.lease_token]


async def test_without_the_lease_nothing_is_kept_and_nothing_is_read(here: Installation) -> None:
    await here.enqueue()
    [stale] = await here.claim(lease_seconds=0)
    [holder] = await here.claim(worker=2)
    assert await keep(here, holder, done()) == "paid"
    for refused in (done('"stale"'), done('"stale"', StepName("other"))):
        with pytest.raises(LeaseLost, match=str(stale.id)):
            await keep(here, stale, refused)
    with pytest.raises(LeaseLost):
        await steps.load_steps(here.database, TENANT, stale.id, stale.lease_token)
    assert [(record.step, record.result) for record in await kept(here, stale.id)] == [(CHARGE, "paid")]
    await leases.complete(here.database, [holder.id], [holder.lease_token])
    with pytest.raises(LeaseLost):
        await keep(here, holder, done(step=StepName("after the end")))
    assert len(await kept(here, stale.id)) == 1


async def test_another_tenant_keeps_reads_and_lists_nothing(here: Installation, task: ClaimedTask) -> None:
    await keep(here, task, done())
    with pytest.raises(LeaseLost):
        await keep(here, task, done(step=StepName("other")), tenant="acme")
    with pytest.raises(LeaseLost):
        await steps.load_steps(here.database, "acme", task.id, task.lease_token)
    made = (await here.task(task.id)).created_at
    page = await steps.list_steps(here.database, "acme", task.id, since=made, before=None, limit=9, max_bytes=9_999)
    assert page.steps == []


async def test_a_takeover_cannot_slip_in_while_a_step_is_kept(here: Installation) -> None:
    await here.enqueue()
    [first] = await here.claim(lease_seconds=0)
    link = await here.database.own_link("step")
    try:
        async with link.transaction():
            await steps.record_step(link, TENANT, first.id, first.lease_token, done())
            assert await here.claim(worker=2) == []  # not now: the task is being written to
        [second] = await here.claim(worker=2)
    finally:
        await link.close()
    assert await steps.load_steps(here.database, TENANT, second.id, second.lease_token) == {CHARGE: "paid"}


async def test_a_step_that_waits_for_a_takeover_learns_that_it_came_too_late(here: Installation) -> None:
    await here.enqueue()
    [first] = await here.claim(lease_seconds=0)
    link = await here.database.own_link("takeover")
    try:
        async with link.transaction():
            await link.query("UPDATE rowlock.tasks_live SET lease_token = nextval('rowlock.lease_tokens')")
            late = asyncio.create_task(keep(here, first, done()))
            await _until_it_waits(here, link)
        with pytest.raises(LeaseLost):
            await late
    finally:
        await link.close()
    assert await kept(here, first.id) == []


async def test_two_that_keep_the_same_step_at_once_keep_it_once(here: Installation, task: ClaimedTask) -> None:
    """As when a request is sent again while the first is still on its way: neither sees the other's row."""
    link = await here.database.own_link("first")
    try:
        async with link.transaction():
            await steps.record_step(link, TENANT, task.id, task.lease_token, done())
            again = asyncio.create_task(keep(here, task, done()))
            await _until_it_waits(here, link)
        assert await again == "paid"
    finally:
        await link.close()
    assert len(await kept(here, task.id)) == 1


@pytest.mark.parametrize("loss", Loss)
async def test_what_the_network_loses_is_asked_again(
    here: Installation, task: ClaimedTask, database_url: str, loss: Loss
) -> None:
    async with Proxy(database_url) as proxy, Database(settings_for(proxy.url)) as database:
        lost = proxy.lose(loss, b"the-marked-one")
        result = await persistent.record_step(database, TENANT, task.id, task.lease_token, done('"the-marked-one"'))
        assert lost.is_set()
        proxy.cut()
        found = await persistent.load_steps(database, TENANT, task.id, task.lease_token)
    assert (result, found) == ("the-marked-one", {CHARGE: "the-marked-one"})
    assert len(await kept(here, task.id)) == 1


async def test_an_id_that_is_used_again_begins_without_the_steps_of_the_task_before(here: Installation) -> None:
    task_id = await here.enqueue()
    [before] = await here.claim()
    await keep(here, before, done('"of the first"'))
    await leases.complete(here.database, [before.id], [before.lease_token])
    await here.query("INSERT INTO rowlock.tasks_live (id, name) VALUES (%(id)s, 'noop')", {"id": task_id})
    [after] = await here.claim()
    assert await steps.load_steps(here.database, TENANT, task_id, after.lease_token) == {}
    assert await keep(here, after, done('"of the second"')) == "of the second"
    assert [record.result for record in await kept(here, task_id)] == ["of the second"]


async def test_a_clock_that_is_set_back_loses_no_step(here: Installation, task: ClaimedTask) -> None:
    """As that of a standby that has become the primary may be."""
    await make_partition(here, "steps", 1)  # the hour before may have been yesterday's
    await here.move_clock(timedelta(hours=-1))
    assert await keep(here, task, done()) == "paid"
    assert await steps.load_steps(here.database, TENANT, task.id, task.lease_token) == {CHARGE: "paid"}
    assert await keep(here, task, done('"again"')) == "paid"
    assert len(await kept(here, task.id)) == 1


SMALL = st.integers(-(2**63), 2**63 - 1)
NUMBERS = st.floats(allow_nan=False, allow_infinity=False) | SMALL | st.sampled_from([1e16, -0.0, 1e300, 5e-324, 1.0])
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8)
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)


async def test_what_comes_back_the_first_time_is_what_comes_back_for_ever(
    here: Installation, task: ClaimedTask
) -> None:
    """To the order of keys and the kind of numbers, which jsonb changes: a handler must not branch another way."""
    link = await here.database.own_link("steps")
    loop = asyncio.get_running_loop()
    occurrences = iter(range(1, 30_000))

    @settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck), database=None)
    @given(value=VALUES)
    def comes_back(value: object) -> None:
        asyncio.run_coroutine_threadsafe(check(value), loop).result()

    async def check(value: object) -> None:
        step = StepName("any", next(occurrences))
        text = encode_json(value, what="result", max_bytes=100_000).decode()
        first = await steps.record_step(link, TENANT, task.id, task.lease_token, FinishedStep(step, text, 0))
        found = await steps.load_steps(link, TENANT, task.id, task.lease_token)
        assert repr(first) == repr(found[step])

    try:
        await asyncio.to_thread(comes_back)
    finally:
        await link.close()


async def _until_it_waits(here: Installation, holder: Link) -> None:
    """Until somebody waits for a lock that the link's transaction holds."""
    pid = {"pid": holder.connection.info.backend_pid}
    waiting = "SELECT pid FROM pg_stat_activity WHERE %(pid)s = ANY (pg_blocking_pids(pid))"
    await eventually(lambda: here.query(waiting, pid))
