"""Idempotency keys: one key, one request, one task, whoever asks at once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest
from tests.harness.eventually import eventually
from tests.harness.installation import Installation

from rowlock.domain.errors import IdempotencyKeyReused, InvalidArgument
from rowlock.domain.ids import new_id
from rowlock.domain.requests import TaskRequest, task_request
from rowlock.engine.enqueue import Enqueued, enqueue, enqueue_many
from rowlock.store import leases, tasks
from rowlock.store.links import Link

TENANT = "default"


def keyed(amount: int = 5, key: str = "invoice-1", **options: Any) -> TaskRequest:
    return task_request("pay", {"amount": amount, "to": {"name": "ada"}}, idempotency_key=key, **options)


@asynccontextmanager
async def connection(here: Installation) -> AsyncIterator[Link]:
    link = await here.database.own_link("a caller")
    try:
        yield link
    finally:
        await link.close()


async def stored(here: Installation) -> int:
    return int((await here.query("SELECT count(*) FROM rowlock.tasks"))[0][0])


async def somebody_waits(here: Installation) -> bool:
    rows = await here.query(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    return bool(rows[0][0])


async def test_the_same_request_is_answered_with_the_first_task(here: Installation) -> None:
    first, second = keyed(), keyed()
    assert await enqueue(here.database, TENANT, first) == Enqueued(first.id, True)
    assert await enqueue(here.database, TENANT, second) == Enqueued(first.id, False)
    assert await stored(here) == 1


async def test_it_is_so_when_the_task_has_finished(here: Installation) -> None:
    first = keyed()
    await enqueue(here.database, TENANT, first)
    (claimed,) = await here.claim()
    await leases.complete(here.database, [claimed.id], [claimed.lease_token])
    assert await enqueue(here.database, TENANT, keyed()) == Enqueued(first.id, False)


@pytest.mark.parametrize(
    "options",
    [
        {"amount": 6},
        {"queue": "other"},
        {"delay": timedelta(seconds=1)},
        {"priority": "high"},
        {"max_attempts": 1},
        {"tags": ["x"]},
        {"flow_key": "f"},
        {"timeout": timedelta(seconds=1)},
    ],
    ids=lambda options: next(iter(options)),
)
async def test_another_request_is_refused(here: Installation, options: dict[str, Any]) -> None:
    first = keyed()
    await enqueue(here.database, TENANT, first)
    with pytest.raises(IdempotencyKeyReused, match=f"invoice-1.*{first.id}"):
        await enqueue(here.database, TENANT, keyed(**options))
    assert await stored(here) == 1


async def test_who_asks_and_in_which_trace_is_no_part_of_the_request(here: Installation) -> None:
    first = keyed(parent_id=new_id(), workflow_id=new_id(), metadata={"trace": {"traceparent": "a"}})
    await enqueue(here.database, TENANT, first)
    again = keyed(parent_id=new_id(), metadata={"trace": {"traceparent": "b"}}, idempotency_ttl=timedelta(days=2))
    assert await enqueue(here.database, TENANT, again) == Enqueued(first.id, False)


async def test_how_json_is_spelt_is_no_part_of_the_request(here: Installation) -> None:
    first = keyed()
    await enqueue(here.database, TENANT, first)
    again = first._replace(id=new_id(), payload='{"to": {"name": "ada"},   "amount": 5}')
    assert await enqueue(here.database, TENANT, again) == Enqueued(first.id, False)


async def test_a_key_is_a_tenants_own(here: Installation) -> None:
    await enqueue(here.database, TENANT, keyed())
    other = keyed(6)
    assert await enqueue(here.database, "acme", other) == Enqueued(other.id, True)


async def test_a_key_of_a_batch_is_refused_with_the_whole_batch(here: Installation) -> None:
    await enqueue(here.database, TENANT, keyed())
    with pytest.raises(IdempotencyKeyReused):
        await enqueue_many(here.database, TENANT, [task_request("noop"), keyed(6)])
    assert await stored(here) == 1


async def test_a_batch_may_repeat_itself(here: Installation) -> None:
    first, second = keyed(), keyed()
    assert await enqueue_many(here.database, TENANT, [first, second]) == [
        Enqueued(first.id, True),
        Enqueued(first.id, False),
    ]


async def test_an_expired_key_may_be_used_anew(here: Installation) -> None:
    await enqueue(here.database, TENANT, keyed(idempotency_ttl=timedelta(hours=1)))
    await here.move_clock(timedelta(minutes=59))
    with pytest.raises(IdempotencyKeyReused):
        await enqueue(here.database, TENANT, keyed(6))
    await here.move_clock(timedelta(hours=1, seconds=1))
    anew = keyed(6)
    assert await enqueue(here.database, TENANT, anew) == Enqueued(anew.id, True)
    assert await enqueue(here.database, TENANT, keyed(6)) == Enqueued(anew.id, False)


@pytest.mark.parametrize("ttl", [timedelta(0), timedelta(days=367)])
async def test_a_keys_life_is_bounded(here: Installation, ttl: timedelta) -> None:
    with pytest.raises(InvalidArgument, match="idempotency"):
        await enqueue(here.database, TENANT, keyed(idempotency_ttl=ttl))


@pytest.mark.parametrize("second", [5, 6], ids=["same request", "other request"])
async def test_who_comes_second_waits_and_is_told(here: Installation, second: int) -> None:
    first = keyed()
    async with connection(here) as winner:
        async with winner.transaction():
            assert await tasks.insert_keyed(winner, TENANT, [first]) == [Enqueued(first.id, True)]
            loser = asyncio.create_task(enqueue(here.database, TENANT, keyed(second)))
            await eventually(lambda: somebody_waits(here))
            assert not loser.done()
        if second == 5:
            assert await loser == Enqueued(first.id, False)
        else:
            with pytest.raises(IdempotencyKeyReused, match=str(first.id)):
                await loser
    assert await stored(here) == 1


async def test_who_comes_second_makes_the_task_when_the_first_rolls_back(here: Installation) -> None:
    second = keyed()
    async with connection(here) as winner:
        await winner.query("BEGIN")
        await tasks.insert_keyed(winner, TENANT, [keyed()])
        loser = asyncio.create_task(enqueue(here.database, TENANT, second))
        await eventually(lambda: somebody_waits(here))
        await winner.query("ROLLBACK")
        assert await loser == Enqueued(second.id, True)
    assert await stored(here) == 1


async def test_an_expired_key_has_one_winner_too(here: Installation) -> None:
    await enqueue(here.database, TENANT, keyed(idempotency_ttl=timedelta(hours=1)))
    await here.move_clock(timedelta(hours=2))
    first = keyed(7)
    async with connection(here) as winner:
        async with winner.transaction():
            assert await tasks.insert_keyed(winner, TENANT, [first]) == [Enqueued(first.id, True)]
            loser = asyncio.create_task(enqueue(here.database, TENANT, keyed(7)))
            await eventually(lambda: somebody_waits(here))
        assert await loser == Enqueued(first.id, False)
    assert await stored(here) == 2


async def test_of_many_at_once_one_makes_the_task(here: Installation) -> None:
    requests = [keyed() for _ in range(20)]
    answers = await asyncio.gather(*(enqueue(here.database, TENANT, request) for request in requests))
    assert sum(answer.created for answer in answers) == 1
    assert len({answer.id for answer in answers}) == 1
    assert await stored(here) == 1
