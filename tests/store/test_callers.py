"""Enqueueing on the caller's own connection: the task commits and rolls back with the caller's data, on every kind."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Iterator
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession, async_scoped_session, async_sessionmaker, create_async_engine
from sqlalchemy.orm import scoped_session, sessionmaker
from tests.harness.callers import KINDS, Caller, RolledBack, engine
from tests.harness.installation import settings_for

from rowlock import Rowlock, Task
from rowlock.domain.errors import (
    AlreadyExists,
    DatabaseUnavailable,
    DuplicateTask,
    IdempotencyKeyReused,
    InvalidArgument,
    InvalidPayload,
)
from rowlock.testing import drain, enqueued
from rowlock.testing.databases import FreshDatabases

Ship = Task[..., Any]
SOME = itertools.count(1)


@pytest.fixture(scope="module")
def url(databases: FreshDatabases) -> Iterator[str]:
    """One database for all of these tests: each has a handler, a queue and a table of its own in it."""
    with databases.clone() as shared:
        yield shared


@pytest.fixture
async def app(url: str) -> AsyncIterator[Rowlock]:
    made = Rowlock(settings=settings_for(url))
    yield made
    await made.close()


@pytest.fixture
def ship(app: Rowlock) -> Ship:
    number = next(SOME)

    @app.task(name=f"ship_{number}", queue=f"queue_{number}")
    async def ship(order: int) -> None: ...

    return ship


@pytest.fixture(params=list(KINDS))
async def caller(request: pytest.FixtureRequest, url: str) -> AsyncIterator[Caller]:
    async with KINDS[request.param](url) as made:
        yield made


@pytest.fixture
def orders(url: str) -> str:
    """A table of the caller's own."""
    name = f"orders_{next(SOME)}"
    with psycopg.connect(url) as setting_up:
        setting_up.execute(f"CREATE TABLE {name} (id integer)")
    return name


async def rows_of(app: Rowlock, orders: str) -> list[int]:
    """The caller's own rows, as others see them."""
    async with app.database.link() as link:
        return [row[0] for row in await link.query(f"SELECT id FROM {orders} ORDER BY id")]


async def shipments_of(app: Rowlock, ship: Ship) -> list[int]:
    return [task.payload["order"] for task in await enqueued(app, ship)]


async def test_a_committed_task_is_there_and_runs(app: Rowlock, ship: Ship, caller: Caller, orders: str) -> None:
    await caller.do(lambda: caller.execute(f"INSERT INTO {orders} VALUES (1)"))
    handle = await caller.enqueue(ship, {"order": 1})
    assert handle.created
    assert await shipments_of(app, ship) == [], "nobody sees it before the commit"
    await caller.do(caller.commit)
    assert await shipments_of(app, ship) == await rows_of(app, orders) == [1]
    assert (await handle.get()).status == "ready"
    assert await drain(app) == {"succeeded": 1}


async def test_a_task_rolled_back_was_never_there(app: Rowlock, ship: Ship, caller: Caller, orders: str) -> None:
    await caller.do(lambda: caller.execute(f"INSERT INTO {orders} VALUES (1)"))
    await caller.enqueue(ship, {"order": 1}, idempotency_key=ship.name)
    await caller.do(caller.rollback)
    assert await shipments_of(app, ship) == await rows_of(app, orders) == []
    again = await caller.enqueue(ship, {"order": 2}, idempotency_key=ship.name)
    assert again.created, "its key went with it"


async def test_a_savepoint_takes_only_its_own_tasks_back(app: Rowlock, ship: Ship, caller: Caller) -> None:
    await caller.enqueue(ship, {"order": 1})
    async with caller.savepoint():
        await caller.enqueue(ship, {"order": 2})
        raise RolledBack
    async with caller.savepoint():
        await caller.enqueue(ship, {"order": 3})
    await caller.do(caller.commit)
    assert await shipments_of(app, ship) == [1, 3]


async def test_many_tasks_go_together(app: Rowlock, ship: Ship, caller: Caller) -> None:
    handles = await caller.enqueue_many(ship, [{"order": number} for number in range(3)])
    assert len({handle.id for handle in handles}) == 3
    await caller.do(caller.commit)
    assert [(await handle.get()).payload["order"] for handle in handles] == [0, 1, 2]


async def test_options_arrive(app: Rowlock, ship: Ship, caller: Caller) -> None:
    options: dict[str, Any] = {
        "queue": "express",
        "priority": "high",
        "max_attempts": 2,
        "timeout": 1.5,
        "tags": ["a", "b"],
        "flow_key": "eu/north",
        "metadata": {"by": "ada"},
        "unique_key": "one",
        "tenant_id": "acme",
    }
    handle = await caller.enqueue(ship, {"order": 1}, delay=60, **options)
    await caller.do(caller.commit)
    task = await handle.get()
    assert (task.queue, task.priority, task.max_attempts, task.timeout_seconds) == ("express", 1, 2, 1.5)
    assert (task.tags, task.lane, task.metadata) == (["a", "b"], "acme/eu/north", {"by": "ada"})
    assert (task.unique_key, task.tenant_id, task.status) == ("one", "acme", "scheduled")


async def test_refusals_are_the_same_on_every_kind(app: Rowlock, ship: Ship, caller: Caller) -> None:
    keys = {"idempotency_key": ship.name, "unique_key": "one"}
    first = await caller.enqueue(ship, {"order": 1}, **keys)
    second = await caller.enqueue(ship, {"order": 1}, **keys)
    assert (second.id, second.created) == (first.id, False)
    await caller.do(caller.commit)
    with pytest.raises(IdempotencyKeyReused, match=ship.name):
        await caller.enqueue(ship, {"order": 2}, idempotency_key=ship.name)
    await caller.do(caller.rollback)
    with pytest.raises(DuplicateTask, match=str(first.id)):
        await caller.enqueue(ship, {"order": 2}, unique_key="one", on_duplicate="refuse")
    await caller.do(caller.rollback)
    with pytest.raises(AlreadyExists):
        await caller.enqueue(ship, {"order": 2}, id=first.id)
    await caller.do(caller.rollback)
    assert await shipments_of(app, ship) == [1]


async def test_an_id_whose_task_has_finished_is_refused_on_every_kind(app: Rowlock, ship: Ship, caller: Caller) -> None:
    first = await ship.options(id=uuid4()).enqueue(order=1)
    await app.cancel(first.id)
    with pytest.raises(AlreadyExists, match=f"{first.id}.*finished"):
        await caller.enqueue(ship, {"order": 2}, id=first.id)
    await caller.do(caller.rollback)
    assert (await caller.enqueue(ship, {"order": 3}, id=uuid4())).created


async def test_what_is_refused_before_the_database_leaves_the_transaction_whole(
    app: Rowlock, ship: Ship, caller: Caller
) -> None:
    await caller.enqueue(ship, {"order": 1})
    with pytest.raises(InvalidPayload):
        await caller.enqueue(ship, {"order": "many"})
    await caller.do(caller.commit)
    assert await shipments_of(app, ship) == [1]


async def test_workers_are_told_at_the_commit(app: Rowlock, ship: Ship, url: str) -> None:
    with psycopg.connect(url, autocommit=True) as listening, psycopg.connect(url) as on:
        listening.execute("LISTEN rowlock")
        ship.options(on=on).enqueue_sync(order=1)
        ((since,),) = on.execute("SELECT (extract(epoch FROM now()) * 1000000)::bigint")
        assert list(listening.notifies(timeout=0)) == []
        on.commit()
        (told,) = listening.notifies(timeout=10, stop_after=1)
        assert told.payload == f"{ship.handler.queue} 2@{since} default"


async def test_the_callers_row_factory_and_autocommit_are_respected(app: Rowlock, ship: Ship, url: str) -> None:
    with psycopg.connect(url, autocommit=True, row_factory=psycopg.rows.dict_row) as on:
        ship.options(on=on).enqueue_sync(order=1)
        assert on.execute("SELECT 1 AS one").fetchone() == {"one": 1}
    assert await shipments_of(app, ship) == [1]


async def test_scoped_sessions_are_sessions(app: Rowlock, ship: Ship, url: str) -> None:
    scoped = scoped_session(sessionmaker(engine(url)))
    ship.options(on=scoped).enqueue_sync(order=1)
    with pytest.raises(InvalidArgument, match="enqueue_sync"):
        await ship.options(on=scoped).enqueue(order=2)
    scoped.commit()
    scoped.remove()

    address = sa.make_url(url).set(drivername="postgresql+psycopg")
    maker = async_sessionmaker(create_async_engine(address, poolclass=sa.pool.NullPool))
    async_scoped: async_scoped_session[AsyncSession] = async_scoped_session(maker, scopefunc=lambda: "one")
    await ship.options(on=async_scoped).enqueue(order=3)
    await async_scoped.commit()
    await async_scoped.remove()
    assert await shipments_of(app, ship) == [1, 3]


async def test_a_call_of_the_other_kind_is_refused_with_the_right_one(ship: Ship, caller: Caller) -> None:
    chosen = ship.options(on=caller.on)
    kind = type(caller.on).__name__
    if caller.is_async:
        with pytest.raises(InvalidArgument, match=rf"{kind}.*await .enqueue"):
            chosen.enqueue_sync(order=1)
    else:
        with pytest.raises(InvalidArgument, match=rf"{kind}.*\.enqueue_sync"):
            await chosen.enqueue(order=1)


@pytest.mark.parametrize("on", ["postgresql://", 7, object(), UUID(int=0)], ids=["url", "number", "object", "uuid"])
async def test_anything_else_is_refused(ship: Ship, on: object) -> None:
    with pytest.raises(InvalidArgument, match="psycopg Connection"):
        await ship.options(on=on).enqueue(order=1)
    with pytest.raises(InvalidArgument, match="psycopg Connection"):
        ship.options(on=on).enqueue_sync(order=1)


async def test_an_engine_is_not_a_connection(ship: Ship, url: str) -> None:
    with pytest.raises(InvalidArgument, match="not Engine"):
        ship.options(on=engine(url)).enqueue_sync(order=1)


async def test_a_connection_that_is_gone_says_so(app: Rowlock, ship: Ship, url: str) -> None:
    on = psycopg.connect(url)
    on.close()
    with pytest.raises(DatabaseUnavailable, match="closed"):
        ship.options(on=on, id=uuid4()).enqueue_sync(order=1)
