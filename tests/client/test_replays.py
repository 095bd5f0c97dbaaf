"""A call that is made again after a deploy is still the same request, though the decorator has other defaults."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import psycopg
import pytest
from tests.harness.installation import settings_for

from rowlock import Rowlock, Task
from rowlock.domain.errors import IdempotencyKeyReused
from rowlock.store.addresses import url_from_settings
from rowlock.testing import inline

Way = Callable[[Rowlock, Task[..., Any], dict[str, Any]], Awaitable[UUID]]
BEFORE: dict[str, Any] = {"queue": "mail", "priority": "high", "max_attempts": 9, "timeout": 60, "tags": ["a", "b"]}
AFTER: dict[str, Any] = {"queue": "bulk", "max_attempts": 2, "expires_in": 3_600, "tags": ["c"], "payload_version": 2}


@asynccontextmanager
async def release(url: str, **defaults: Any) -> AsyncIterator[tuple[Rowlock, Task[..., Any]]]:
    """One version of an application: the handler as it declares it."""
    async with Rowlock(settings=settings_for(url)) as app:

        @app.task(name="pay", **defaults)
        async def pay(amount: int) -> None: ...

        if defaults.get("payload_version", 1) > 1:
            pay.upcast(1)(lambda payload: payload)
        yield app, pay


async def by_await(_: Rowlock, pay: Task[..., Any], options: dict[str, Any]) -> UUID:
    return (await pay.options(**options).enqueue(5)).id


async def by_a_series(_: Rowlock, pay: Task[..., Any], options: dict[str, Any]) -> UUID:
    [one, two] = await pay.options(**options).enqueue_many([{"amount": 5}, {"amount": 5}])
    assert one.id == two.id
    return one.id


async def by_its_name(app: Rowlock, _: Task[..., Any], options: dict[str, Any]) -> UUID:
    return (await app.enqueue("pay", {"amount": 5}, **options)).id


async def without_a_loop(app: Rowlock, pay: Task[..., Any], options: dict[str, Any]) -> UUID:
    def enqueue() -> UUID:
        try:
            return pay.options(**options).enqueue_sync(5).id
        finally:
            app.close_sync()

    return await asyncio.to_thread(enqueue)


async def on_a_connection(app: Rowlock, pay: Task[..., Any], options: dict[str, Any]) -> UUID:
    async with await psycopg.AsyncConnection.connect(url_from_settings(app.settings)) as on:
        return (await pay.options(on=on, **options).enqueue(5)).id


async def on_a_synchronous_one(app: Rowlock, pay: Task[..., Any], options: dict[str, Any]) -> UUID:
    with psycopg.connect(url_from_settings(app.settings)) as on:
        return pay.options(on=on, **options).enqueue_sync(5).id


WAYS = [by_await, by_a_series, by_its_name, without_a_loop, on_a_connection, on_a_synchronous_one]


@pytest.mark.parametrize("way", WAYS)
async def test_defaults_may_change_in_between(database_url: str, way: Way) -> None:
    options = {"idempotency_key": "k", "delay": 60}
    async with release(database_url, **BEFORE) as (app, pay):
        first = await way(app, pay, options)
    async with release(database_url, **AFTER) as (app, pay):
        assert await way(app, pay, options) == first
        for other in ({"queue": "bulk"}, {"max_attempts": 2}, {"delay": 61}):
            with pytest.raises(IdempotencyKeyReused):
                await way(app, pay, {**options, **other})


async def test_a_handler_may_be_declared_in_between(database_url: str) -> None:
    async with Rowlock(settings=settings_for(database_url)) as app:
        first = await app.enqueue("pay", {"amount": 5}, idempotency_key="k")
    async with release(database_url, **AFTER) as (app, pay):
        assert await by_its_name(app, pay, {"idempotency_key": "k"}) == first.id


async def test_saying_what_the_default_is_asks_for_the_same(database_url: str) -> None:
    async with release(database_url, **BEFORE) as (_, pay):
        first = await pay.options(idempotency_key="k").enqueue(5)
        same = await pay.options(idempotency_key="k", max_attempts=9, tags=["a", "b"]).enqueue(5)
        assert (same.id, same.created) == (first.id, False)


async def test_to_want_no_tags_is_not_to_leave_them_out(database_url: str) -> None:
    async with release(database_url, **BEFORE) as (_, pay):
        await pay.options(idempotency_key="k").enqueue(5)
        with pytest.raises(IdempotencyKeyReused):
            await pay.options(idempotency_key="k", tags=()).enqueue(5)


async def test_inline_it_is_the_same(bare_app: Rowlock) -> None:
    with inline(bare_app) as tasks:
        await bare_app.enqueue("pay", {"amount": 5}, idempotency_key="k")

        @bare_app.task(name="pay", **BEFORE)
        async def pay(amount: int) -> None: ...

        assert not (await pay.options(idempotency_key="k").enqueue(5)).created
        for other in ({"max_attempts": 9}, {"tags": ()}):
            with pytest.raises(IdempotencyKeyReused):
                await pay.options(idempotency_key="k", **other).enqueue(5)
        assert (await pay.options(idempotency_key="l").enqueue(5)).created
        assert not (await pay.options(idempotency_key="l", max_attempts=9).enqueue(5)).created
    assert len(tasks.tasks) == 2
