"""Unique keys: one live task per meaning; who comes later is answered, updates it, or is refused."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any, Literal

import pytest
from tests.engine.test_keys_idempotency import connection, somebody_waits, stored
from tests.harness.eventually import eventually
from tests.harness.installation import Installation

from rowlock.domain.errors import DuplicateTask, IdempotencyKeyReused
from rowlock.domain.requests import OnDuplicate, TaskRequest, task_request
from rowlock.domain.steps import StepName
from rowlock.engine.enqueue import Enqueued, enqueue, enqueue_many
from rowlock.store import leases, tasks
from rowlock.store.leases import FailedAttempt
from rowlock.store.operations import Actor, cancel_task
from rowlock.store.steps import FinishedStep, record_step

TENANT = "default"
End = Literal["complete", "bury", "cancel"]


def unique(version: int = 1, *, name: str = "refresh", key: str = "page-7", **options: Any) -> TaskRequest:
    return task_request(name, {"version": version}, unique_key=key, **options)


async def test_a_second_task_of_the_same_meaning_is_skipped(here: Installation) -> None:
    first, second = unique(), unique(2)
    assert await enqueue(here.database, TENANT, first) == Enqueued(first.id, True)
    assert await enqueue(here.database, TENANT, second) == Enqueued(first.id, False)
    assert (await here.task(first.id)).payload == {"version": 1}
    assert await stored(here) == 1


async def test_it_may_bring_the_first_up_to_date(here: Installation) -> None:
    first = unique()
    await enqueue(here.database, TENANT, first)
    newer = unique(2, on_duplicate="replace", payload_version=2)
    assert await enqueue(here.database, TENANT, newer) == Enqueued(first.id, False)
    task = await here.task(first.id)
    assert (task.payload, task.payload_version) == ({"version": 2}, 2)


async def test_steps_of_a_payload_that_was_replaced_do_not_count(here: Installation) -> None:
    first = unique()
    await enqueue(here.database, TENANT, first)

    async def kept_after(asked: TaskRequest) -> list[str]:
        [task] = await here.claim()
        done = FinishedStep(StepName("charge", 1), '"receipt"', 0.1)
        await record_step(here.database, TENANT, task.id, task.lease_token, done)
        await leases.retry(here.database, [FailedAttempt(task.id, task.lease_token, "failed", "error")], worker_id=1)
        await enqueue(here.database, TENANT, asked)
        return [name for (name,) in await here.query("SELECT name FROM rowlock.steps")]

    assert await kept_after(unique(on_duplicate="replace")) == ["charge"]
    assert await kept_after(unique(2, on_duplicate="replace")) == []


async def test_a_running_task_is_not_changed_under_its_handler(here: Installation) -> None:
    first = unique()
    await enqueue(here.database, TENANT, first)
    await here.claim()
    assert await enqueue(here.database, TENANT, unique(2, on_duplicate="replace")) == Enqueued(first.id, False)
    assert (await here.task(first.id)).payload == {"version": 1}


async def test_it_may_be_refused(here: Installation) -> None:
    first = unique()
    await enqueue(here.database, TENANT, first)
    with pytest.raises(DuplicateTask, match=f"{first.id}.*page-7"):
        await enqueue(here.database, TENANT, unique(2, on_duplicate="refuse"))
    with pytest.raises(DuplicateTask):
        await enqueue_many(here.database, TENANT, [task_request("noop"), unique(2, on_duplicate="refuse")])
    assert await stored(here) == 1


async def test_names_and_tenants_have_keys_of_their_own(here: Installation) -> None:
    await enqueue(here.database, TENANT, unique())
    assert (await enqueue(here.database, TENANT, unique(name="other"))).created
    assert (await enqueue(here.database, "acme", unique())).created
    assert (await enqueue(here.database, TENANT, unique(key="page-8"))).created


@pytest.mark.parametrize("end", ["complete", "bury", "cancel"])
async def test_a_key_is_free_when_its_task_ends(here: Installation, end: End) -> None:
    first, second = unique(), unique()
    await enqueue(here.database, TENANT, first)
    if end == "cancel":
        await cancel_task(here.database, TENANT, first.id, None, Actor("test"))
    else:
        (claimed,) = await here.claim()
        if end == "complete":
            await leases.complete(here.database, [claimed.id], [claimed.lease_token])
        else:
            await leases.bury(here.database, [FailedAttempt(claimed.id, claimed.lease_token, "failed", "error", "no")])
    assert (await here.task(first.id)).finished
    assert await enqueue(here.database, TENANT, second) == Enqueued(second.id, True)


async def into(here: Installation, state: str) -> TaskRequest:
    """A task that holds the key, brought into the state."""
    first = unique()
    await enqueue(here.database, TENANT, first)
    if state in ("running", "succeeded", "dead"):
        (claimed,) = await here.claim()
        if state == "succeeded":
            await leases.complete(here.database, [claimed.id], [claimed.lease_token])
        elif state == "dead":
            await leases.bury(here.database, [FailedAttempt(claimed.id, claimed.lease_token, "failed", "error")])
    elif state == "cancelled":
        await cancel_task(here.database, TENANT, first.id, None, Actor("test"))
    return first


@pytest.mark.parametrize("on_duplicate", ["skip", "replace", "refuse"])
@pytest.mark.parametrize("state", ["pending", "running", "succeeded", "dead", "cancelled"])
async def test_each_state_answers_each_way_of_asking(here: Installation, state: str, on_duplicate: OnDuplicate) -> None:
    """The table of the documentation, cell by cell."""
    first = await into(here, state)
    second = unique(2, on_duplicate=on_duplicate)
    if state in ("pending", "running") and on_duplicate == "refuse":
        with pytest.raises(DuplicateTask):
            await enqueue(here.database, TENANT, second)
        answer = None
    else:
        answer = await enqueue(here.database, TENANT, second)
    kept = (await here.task(first.id)).payload
    if state in ("pending", "running"):
        assert answer in (None, Enqueued(first.id, False))
        assert kept == {"version": 2 if (state, on_duplicate) == ("pending", "replace") else 1}
    else:
        assert answer == Enqueued(second.id, True)
        assert kept == {"version": 1}


@pytest.mark.parametrize("delay", [timedelta(0), timedelta(hours=1)], ids=["ready", "scheduled"])
async def test_a_waiting_task_holds_its_key(here: Installation, delay: timedelta) -> None:
    first = unique(delay=delay)
    await enqueue(here.database, TENANT, first)
    assert not (await enqueue(here.database, TENANT, unique(delay=delay))).created


async def test_a_batch_may_mean_the_same_twice(here: Installation) -> None:
    first, second = unique(), unique(2, on_duplicate="replace")
    answers = await enqueue_many(here.database, TENANT, [first, second])
    assert answers == [Enqueued(first.id, True), Enqueued(first.id, False)]
    assert (await here.task(first.id)).payload == {"version": 2}


async def test_an_idempotent_request_remembers_the_task_that_answered_it(here: Installation) -> None:
    first = unique()
    await enqueue(here.database, TENANT, first)
    again = unique(idempotency_key="r-1")
    assert await enqueue(here.database, TENANT, again) == Enqueued(first.id, False)
    (claimed,) = await here.claim()
    await leases.complete(here.database, [claimed.id], [claimed.lease_token])
    repeated = unique(idempotency_key="r-1")
    assert await enqueue(here.database, TENANT, repeated) == Enqueued(first.id, False)
    with pytest.raises(IdempotencyKeyReused):
        await enqueue(here.database, TENANT, unique(2, idempotency_key="r-1"))


@pytest.mark.parametrize("on_duplicate", ["skip", "replace", "refuse"])
async def test_who_comes_second_waits_for_the_first(here: Installation, on_duplicate: OnDuplicate) -> None:
    first = unique()
    async with connection(here) as winner:
        async with winner.transaction():
            await tasks.insert_keyed(winner, TENANT, [first])
            loser = asyncio.create_task(enqueue(here.database, TENANT, unique(2, on_duplicate=on_duplicate)))
            await eventually(lambda: somebody_waits(here))
        if on_duplicate == "refuse":
            with pytest.raises(DuplicateTask):
                await loser
        else:
            assert await loser == Enqueued(first.id, False)
    assert (await here.task(first.id)).payload == {"version": 2 if on_duplicate == "replace" else 1}
    assert await stored(here) == 1


async def test_who_comes_second_makes_the_task_when_the_first_rolls_back(here: Installation) -> None:
    second = unique(2)
    async with connection(here) as winner:
        await winner.query("BEGIN")
        await tasks.insert_keyed(winner, TENANT, [unique()])
        loser = asyncio.create_task(enqueue(here.database, TENANT, second))
        await eventually(lambda: somebody_waits(here))
        await winner.query("ROLLBACK")
        assert await loser == Enqueued(second.id, True)


async def test_a_holder_that_ends_while_another_asks_is_no_answer(here: Installation) -> None:
    """The key is read between two looks: whoever ends in between has freed it, and a new task is made."""
    first = unique()
    await enqueue(here.database, TENANT, first)
    (claimed,) = await here.claim()
    asked = [unique(n) for n in range(20)]
    finish = leases.complete(here.database, [claimed.id], [claimed.lease_token])
    answers, _ = await asyncio.gather(
        asyncio.gather(*(enqueue(here.database, TENANT, request) for request in asked)), finish
    )
    assert sum(answer.created for answer in answers) <= 1
    live = await here.query("SELECT id FROM rowlock.tasks_live")
    assert {answer.id for answer in answers} <= {first.id, *(row[0] for row in live)}


async def test_who_finds_the_holder_gone_is_told_the_task_that_was_made(here: Installation) -> None:
    """The holder is there for the first look, locked for the second, and gone after it."""
    first, second = unique(), unique(2, on_duplicate="replace")
    await enqueue(here.database, TENANT, first)
    async with connection(here) as ending:
        await ending.query("BEGIN")
        await ending.query("SELECT FROM rowlock.tasks_live FOR UPDATE")
        asking = asyncio.create_task(enqueue(here.database, TENANT, second))
        await eventually(lambda: somebody_waits(here))
        await ending.query("DELETE FROM rowlock.tasks_live")
        await ending.query("COMMIT")
        assert await asking == Enqueued(second.id, True)
    assert await here.query("SELECT id FROM rowlock.tasks_live") == [(second.id,)]


async def test_of_many_at_once_one_makes_the_task(here: Installation) -> None:
    answers = await asyncio.gather(*(enqueue(here.database, TENANT, unique(n)) for n in range(20)))
    assert sum(answer.created for answer in answers) == 1
    assert len({answer.id for answer in answers}) == 1
    assert await stored(here) == 1
