"""A reply that never comes: however the network fails, the task is stored exactly once, or its caller knows less."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import suppress
from typing import Any

import pytest
from tests.harness.eventually import eventually
from tests.harness.installation import Installation, settings_for
from tests.harness.proxy import Loss, Proxy

from rowlock.domain.errors import DatabaseUnavailable, DuplicateTask, OutcomeUnknown
from rowlock.domain.requests import TaskRequest, task_request
from rowlock.engine.enqueue import Enqueued, enqueue_many
from rowlock.engine.enqueue_sync import enqueue_many_sync
from rowlock.store.database import Database
from rowlock.store.sync_database import SyncDatabase

TENANT = "default"
MARKER = b"the-marked-one"
Enqueue = Callable[..., Coroutine[Any, Any, list[Enqueued]]]


@pytest.fixture
async def proxy(database_url: str) -> AsyncIterator[Proxy]:
    async with Proxy(database_url) as made:
        yield made


@pytest.fixture
def connect_seconds() -> float:
    return 5


@pytest.fixture(params=["async", "sync"])
async def enqueue(request: pytest.FixtureRequest, proxy: Proxy, connect_seconds: float) -> AsyncIterator[Enqueue]:
    """Both ways in, as one function of requests, by way of the proxy."""
    settings = settings_for(proxy.url, connect_seconds=connect_seconds)
    if request.param == "async":
        async with Database(settings) as database:

            async def asynchronously(*requests: TaskRequest) -> list[Enqueued]:
                return await enqueue_many(database, TENANT, requests)

            yield asynchronously
        return

    sync_database = SyncDatabase(settings)

    async def synchronously(*requests: TaskRequest) -> list[Enqueued]:
        return await asyncio.to_thread(enqueue_many_sync, sync_database, TENANT, requests)

    yield synchronously
    await asyncio.to_thread(sync_database.close)


def marked(**options: Any) -> TaskRequest:
    return task_request("noop", {"mark": MARKER.decode()}, **options)


async def stored(here: Installation) -> list[tuple[Any, str]]:
    rows = await here.query("SELECT id, payload ->> 'mark' FROM rowlock.tasks ORDER BY id")
    return [tuple(row) for row in rows]


@pytest.mark.parametrize("loss", Loss)
@pytest.mark.parametrize(
    "keys",
    [{}, {"idempotency_key": "k"}, {"unique_key": "u"}, {"unique_key": "u", "on_duplicate": "refuse"}],
    ids=["plain", "idempotent", "unique", "refusing"],
)
async def test_one_task_is_stored_once(
    proxy: Proxy, enqueue: Enqueue, here: Installation, loss: Loss, keys: dict[str, Any]
) -> None:
    request = marked(**keys)
    lost = proxy.lose(loss, MARKER)
    assert await enqueue(request) == [Enqueued(request.id, True)]
    assert lost.is_set()
    assert await stored(here) == [(request.id, MARKER.decode())]


@pytest.mark.parametrize("loss", Loss)
async def test_a_batch_is_stored_once(proxy: Proxy, enqueue: Enqueue, here: Installation, loss: Loss) -> None:
    requests = [task_request("noop"), marked(), task_request("noop")]
    lost = proxy.lose(loss, MARKER)
    assert await enqueue(*requests) == [Enqueued(request.id, True) for request in requests]
    assert lost.is_set()
    assert [row[0] for row in await stored(here)] == [request.id for request in requests]


@pytest.mark.parametrize("loss", Loss)
async def test_a_batch_of_several_statements_is_stored_once_though_its_commit_is_lost(
    proxy: Proxy, here: Installation, loss: Loss, connect_seconds: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rowlock.engine.enqueue.MAX_BATCH", 2)
    requests = [task_request("noop") for _ in range(3)]
    lost = proxy.lose(loss, b"COMMIT")
    async with Database(settings_for(proxy.url, connect_seconds=connect_seconds)) as database:
        answers = await enqueue_many(database, TENANT, requests)
    assert answers == [Enqueued(request.id, True) for request in requests]
    assert lost.is_set()
    assert [row[0] for row in await stored(here)] == [request.id for request in requests]


@pytest.mark.parametrize("loss", Loss)
async def test_a_batch_that_earlier_tasks_answer_in_part_is_answered_again(
    proxy: Proxy, enqueue: Enqueue, here: Installation, loss: Loss
) -> None:
    first = task_request("noop", unique_key="taken")
    await enqueue(first)
    answered, new = task_request("noop", unique_key="taken"), marked(unique_key="free")
    proxy.lose(loss, MARKER)
    assert await enqueue(answered, new) == [Enqueued(first.id, False), Enqueued(new.id, True)]
    assert [row[0] for row in await stored(here)] == [first.id, new.id]


async def test_a_task_that_has_run_meanwhile_is_not_made_again(
    proxy: Proxy, enqueue: Enqueue, here: Installation
) -> None:
    request = marked(unique_key="u")
    lost = proxy.lose(Loss.REPLY, MARKER)
    enqueueing = asyncio.create_task(enqueue(request))
    await lost.wait()
    proxy.swallow()
    (claimed,) = await here.claim()
    await here.query(
        "UPDATE rowlock.tasks SET status = 'succeeded', finished_at = rowlock.clock(), lease_token = NULL, "
        "unique_key = NULL, expires_on = rowlock.expiry_day(tenant_id, queue, 'succeeded') WHERE id = %(id)s",
        {"id": claimed.id},
    )
    await proxy.restore()
    assert await enqueueing == [Enqueued(request.id, True)]
    assert len(await stored(here)) == 1


async def test_a_refusal_is_still_a_refusal(proxy: Proxy, enqueue: Enqueue, here: Installation) -> None:
    await enqueue(task_request("noop", unique_key="u"))
    proxy.lose(Loss.REQUEST, MARKER)
    with pytest.raises(DuplicateTask):
        await enqueue(marked(unique_key="u", on_duplicate="refuse"))
    assert len(await stored(here)) == 1


async def cut_all(proxy: Proxy) -> None:
    """The event loop has yet to close them when `cut` returns, while another thread may use one already."""
    proxy.cut()
    await eventually(lambda: proxy.connections == 0)


async def test_connections_cut_while_idle_are_replaced_unnoticed(
    proxy: Proxy, enqueue: Enqueue, here: Installation
) -> None:
    await enqueue(task_request("before"))
    assert proxy.connections
    await cut_all(proxy)
    after, batch = marked(), [task_request("noop"), task_request("noop")]
    assert await enqueue(after) == [Enqueued(after.id, True)]
    await cut_all(proxy)
    assert len(await enqueue(*batch)) == 2
    assert len(await stored(here)) == 4


async def test_a_slow_or_stuck_network_only_takes_longer(proxy: Proxy, enqueue: Enqueue, here: Installation) -> None:
    proxy.delay(0.05)
    first, second = marked(), marked()
    assert await enqueue(first) == [Enqueued(first.id, True)]
    proxy.swallow()
    enqueueing = asyncio.create_task(enqueue(second))
    await asyncio.wait([enqueueing], timeout=0.05)
    assert not enqueueing.done()
    await proxy.restore()
    assert await enqueueing == [Enqueued(second.id, True)]
    assert len(await stored(here)) == 2


@pytest.mark.parametrize("connect_seconds", [0.5])
async def test_where_the_database_stays_away_the_caller_learns_the_id(
    proxy: Proxy, enqueue: Enqueue, here: Installation
) -> None:
    request = marked()
    lost = proxy.lose(Loss.REPLY, MARKER)
    enqueueing = asyncio.create_task(enqueue(request))
    await lost.wait()
    await proxy.refuse()
    with pytest.raises(OutcomeUnknown, match=str(request.id)) as unknown:
        await enqueueing
    assert unknown.value.detail == {"task_ids": [str(request.id)]}
    assert len(await stored(here)) == 1


@pytest.mark.parametrize("connect_seconds", [0.5])
async def test_while_the_database_is_down_nothing_is_stored_and_the_caller_knows(
    proxy: Proxy, enqueue: Enqueue, here: Installation
) -> None:
    async def is_enqueued(request: TaskRequest) -> bool:  # a connection may take longer than it is given
        with suppress(DatabaseUnavailable):
            return await enqueue(request) == [Enqueued(request.id, True)]
        return False

    before = task_request("before")
    await eventually(lambda: is_enqueued(before))
    await proxy.refuse()
    began = asyncio.get_running_loop().time()
    with pytest.raises((DatabaseUnavailable, OutcomeUnknown)):  # its connection had been open before
        await enqueue(marked())
    with pytest.raises(DatabaseUnavailable):
        await enqueue(marked())
    assert asyncio.get_running_loop().time() - began < 10
    await proxy.restore()
    after = marked()
    await eventually(lambda: is_enqueued(after))  # the pool may still be pausing after its last attempt
    assert [row[1] for row in await stored(here)] == [None, MARKER.decode()]
