"""Enqueueing through the engine: stored as asked, all or none, and the same by both ways in."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from tests.harness.installation import Installation, settings_for

from rowlock.domain.errors import AlreadyExists, InvalidArgument
from rowlock.domain.ids import new_id
from rowlock.domain.requests import TaskRequest, task_request
from rowlock.engine.enqueue import Enqueued, enqueue_many
from rowlock.engine.enqueue_sync import enqueue_many_sync
from rowlock.store import leases
from rowlock.store.sync_database import SyncDatabase

TENANT = "default"
Enqueue = Callable[..., Awaitable[list[Enqueued]]]


@pytest.fixture(params=["async", "sync"])
def enqueue(request: pytest.FixtureRequest, here: Installation, database_url: str) -> Iterator[Enqueue]:
    """Both ways in, as one function of requests."""
    if request.param == "async":

        async def asynchronously(*requests: TaskRequest, tenant: str = TENANT) -> list[Enqueued]:
            return await enqueue_many(here.database, tenant, requests)

        yield asynchronously
        return

    database = SyncDatabase(settings_for(database_url))

    async def synchronously(*requests: TaskRequest, tenant: str = TENANT) -> list[Enqueued]:
        return await asyncio.to_thread(enqueue_many_sync, database, tenant, requests)

    yield synchronously
    database.close()


EVERYTHING: dict[str, Any] = {
    "queue": "mail",
    "priority": "critical",
    "max_attempts": 7,
    "timeout": timedelta(seconds=90),
    "tags": ("a", "ü", '"'),
    "flow_key": "customer/7",
    "metadata": {"by": "ada"},
    "payload_version": 3,
}


@pytest.mark.parametrize("others", [[], ["second"]], ids=["alone", "in a batch"])
@pytest.mark.parametrize("keys", [{}, {"unique_key": "one"}], ids=["plain", "keyed"])
async def test_every_field_is_stored(
    enqueue: Enqueue, here: Installation, others: list[str], keys: dict[str, Any]
) -> None:
    parent, root = new_id(), new_id()
    payload = {"to": "ada", "n": 1.5, "deep": {"list": [1, None, True]}, "snowman": "☃ \U0001f600"}
    full = task_request("mail.send", payload, parent_id=parent, workflow_id=root, **EVERYTHING, **keys)
    stored = await enqueue(full, *(task_request(name) for name in others))
    assert stored[0] == Enqueued(full.id, True)
    task = await here.task(full.id)
    assert (task.name, task.payload, task.queue, task.priority) == ("mail.send", payload, "mail", 0)
    assert (task.max_attempts, task.timeout_seconds, task.payload_version) == (7, 90, 3)
    assert (task.tags, task.metadata) == (["a", "ü", '"'], {"by": "ada"})
    assert (task.tenant_id, task.lane) == (TENANT, "default/customer/7")
    assert (task.parent_id, task.workflow_id, task.attempt, task.status) == (parent, root, 0, "ready")


@pytest.mark.parametrize("others", [[], ["second"]], ids=["alone", "in a batch"])
@pytest.mark.parametrize("keys", [{}, {"idempotency_key": "one"}], ids=["plain", "keyed"])
async def test_defaults(enqueue: Enqueue, here: Installation, others: list[str], keys: dict[str, Any]) -> None:
    plain = task_request("noop", **keys)
    await enqueue(plain, *(task_request(name) for name in others))
    task = await here.task(plain.id)
    assert (task.queue, task.priority, task.max_attempts, task.payload_version) == ("default", 2, 4, 1)
    assert (task.payload, task.timeout_seconds, task.tags, task.metadata) == ({}, None, None, None)
    assert (task.parent_id, task.workflow_id, task.lane) == (None, None, "default")


@pytest.mark.parametrize("keys", [{}, {"unique_key": "one"}], ids=["plain", "keyed"])
async def test_delays_count_from_the_databases_clock(
    enqueue: Enqueue, here: Installation, keys: dict[str, Any]
) -> None:
    await here.move_clock(timedelta(days=400))
    delayed = task_request("noop", delay=timedelta(hours=1), **keys)
    await enqueue(delayed)
    task = await here.task(delayed.id)
    assert task.visible_at - task.created_at == timedelta(hours=1)
    assert task.created_at > datetime.now(UTC) + timedelta(days=399)
    assert task.status == "scheduled"
    assert await here.claim() == []
    await here.move_clock(timedelta(days=401))
    assert [claimed.id for claimed in await here.claim()] == [delayed.id]


async def test_an_instant_is_taken_as_it_is(enqueue: Enqueue, here: Installation) -> None:
    instant = datetime(2126, 2, 3, 4, 5, 6, 789_012, tzinfo=UTC)
    asked = task_request("noop", run_at=instant)
    await enqueue(asked)
    assert (await here.task(asked.id)).visible_at == instant


async def test_answers_come_in_order(enqueue: Enqueue, here: Installation) -> None:
    requests = [task_request("noop", {"n": n}) for n in range(200)]
    assert await enqueue(*requests) == [Enqueued(request.id, True) for request in requests]
    assert len(await here.claim(1_000)) == 200


async def test_nothing_is_nothing(enqueue: Enqueue) -> None:
    assert await enqueue() == []


async def test_an_id_given_twice_is_refused(enqueue: Enqueue, here: Installation) -> None:
    taken = uuid4()
    await enqueue(task_request("first", id=taken))
    with pytest.raises(AlreadyExists, match=str(taken)):
        await enqueue(task_request("second", id=taken))
    with pytest.raises(AlreadyExists, match=str(taken)):
        await enqueue(task_request("other"), task_request("second", id=taken))
    with pytest.raises(AlreadyExists):
        await enqueue(task_request("second", id=taken, unique_key="one"))
    with pytest.raises(InvalidArgument, match="same id"):
        await enqueue(task_request("other", id=uuid4()), *[task_request("twice", id=taken)] * 2)
    assert [claimed.name for claimed in await here.claim()] == ["first"], "a refused batch stores nothing"


async def test_an_id_whose_task_has_finished_is_refused(enqueue: Enqueue, here: Installation) -> None:
    """Whoever sends a request again, not knowing what became of it, may come after its task has run."""
    asked, keyed = (task_request("noop", id=uuid4(), idempotency_key=key) for key in (None, "k"))
    await enqueue(asked)
    await enqueue(keyed)
    done = await here.claim()
    await leases.complete(here.database, [task.id for task in done], [task.lease_token for task in done])
    refused = [
        [asked],
        [task_request("other"), asked],
        [task_request("other", unique_key="u"), asked],
        [task_request("noop", id=asked.id, unique_key="u")],
        [task_request("noop", id=asked.id, idempotency_key="new")],
    ]
    for again in refused:
        with pytest.raises(AlreadyExists, match=f"{asked.id}.*finished"):
            await enqueue(*again)
    with pytest.raises(AlreadyExists):
        await enqueue(keyed, tenant="acme")
    assert await enqueue(keyed) == [Enqueued(keyed.id, False)]
    assert await here.claim() == []


async def test_a_key_that_has_expired_lets_no_finished_task_run_again(enqueue: Enqueue, here: Installation) -> None:
    """Whether it is still there, was forgotten, or names another task by now."""
    asked = [task_request("noop", id=uuid4(), idempotency_key=key) for key in ("kept", "forgotten", "reused")]
    await enqueue(*asked)
    done = await here.claim()
    await leases.complete(here.database, [task.id for task in done], [task.lease_token for task in done])
    await here.move_clock(timedelta(days=3))
    await here.query("DELETE FROM rowlock.idempotency_keys WHERE key = 'forgotten'")
    await enqueue(task_request("noop", idempotency_key="reused"))
    for again in asked:
        with pytest.raises(AlreadyExists, match=f"{again.id}.*finished"):
            await enqueue(again)
    assert len(await here.claim()) == 1


async def test_tenants_do_not_see_one_another(enqueue: Enqueue, here: Installation) -> None:
    mine = task_request("noop")
    await enqueue(mine, tenant="acme")
    assert (await here.task(mine.id, "acme")).lane == "acme"
    assert await here.claim(lane="default") == []
    assert len(await here.claim(lane="acme")) == 1


async def test_a_batch_larger_than_one_statement_is_still_one_transaction(here: Installation) -> None:
    requests = [task_request("noop") for _ in range(5_001)]
    await enqueue_many(here.database, TENANT, [task_request("first", id=requests[-1].id)])
    with pytest.raises(AlreadyExists):
        await enqueue_many(here.database, TENANT, requests)
    assert (await here.query("SELECT count(*) FROM rowlock.tasks"))[0][0] == 1
    await enqueue_many(here.database, TENANT, requests[:-1])
    assert (await here.query("SELECT count(*) FROM rowlock.tasks"))[0][0] == 5_001
