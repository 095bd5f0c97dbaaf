"""Refusals in the midst of work: a race that was lost is run again at once, everything else is told for what it is."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import suppress
from typing import Any

import psycopg
import pytest
from tests.harness.eventually import eventually
from tests.harness.figures import figure
from tests.harness.installation import TENANT, Installation, installation, settings_for
from tests.harness.server import PostgresServer

from rowlock.domain.errors import DatabaseUnavailable
from rowlock.domain.requests import TaskRequest, task_request
from rowlock.domain.trouble import Trouble
from rowlock.engine.enqueue import enqueue_many
from rowlock.engine.enqueue_sync import enqueue_many_sync
from rowlock.store import leases, tasks
from rowlock.store.races import TRIES
from rowlock.store.sync_database import SyncDatabase
from rowlock.store.tasks import Stored

RACES = {
    "40001": Trouble.SERIALIZATION,
    "40P01": Trouble.DEADLOCK,
    "42703": Trouble.SCHEMA_CHANGED,  # from within a function: a migration was committed while it ran
}
TROUBLES = {
    "08006": Trouble.UNREACHABLE,
    "25006": Trouble.READ_ONLY,
    "53000": Trouble.OTHER,
    "53100": Trouble.DISK_FULL,
    "53200": Trouble.OUT_OF_MEMORY,
    "53300": Trouble.TOO_MANY_CONNECTIONS,
    "55P03": Trouble.LOCK_TIMEOUT,
    "57014": Trouble.STATEMENT_TIMEOUT,
    "57P03": Trouble.STARTING,
    "58030": Trouble.OTHER,
    "XX000": Trouble.OTHER,
}
Enqueue = Callable[..., Coroutine[Any, Any, list[Any]]]


@pytest.fixture(params=["async", "sync"])
async def enqueue(request: pytest.FixtureRequest, database_url: str, here: Installation) -> AsyncIterator[Enqueue]:
    """Both ways in, as one function of requests."""
    if request.param == "async":
        yield lambda *requests: enqueue_many(here.database, TENANT, requests)
        return
    database = SyncDatabase(settings_for(database_url))

    async def synchronously(*requests: TaskRequest) -> list[Any]:
        return await asyncio.to_thread(enqueue_many_sync, database, TENANT, requests)

    yield synchronously
    await asyncio.to_thread(database.close)


async def refuse(here: Installation, state: str, *, times: int) -> None:
    """From now on so many inserts of a task are refused with that SQLSTATE; a sequence counts, for it is not undone."""
    await here.query("CREATE SEQUENCE rowlock.refusals")
    await here.query(
        "CREATE FUNCTION rowlock.refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        f" IF nextval('rowlock.refusals') <= {times} THEN RAISE 'refused' USING ERRCODE = '{state}'; END IF;"
        " RETURN NEW; END $$"
    )
    await here.query(
        "CREATE TRIGGER refuse BEFORE INSERT ON rowlock.tasks_live FOR EACH ROW EXECUTE FUNCTION rowlock.refuse()"
    )


@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize("state", RACES)
async def test_a_lost_race_is_run_again_at_once(here: Installation, enqueue: Enqueue, state: str, batch: int) -> None:
    await refuse(here, state, times=TRIES - 1)
    requests = [task_request("noop") for _ in range(batch)]
    assert [stored.id for stored in await enqueue(*requests)] == [request.id for request in requests]
    assert await here.query("SELECT count(*) FROM rowlock.tasks") == [(batch,)]


@pytest.mark.parametrize("state", RACES)
async def test_races_that_are_lost_again_and_again_are_told(here: Installation, enqueue: Enqueue, state: str) -> None:
    await refuse(here, state, times=1_000)
    with pytest.raises(DatabaseUnavailable) as raised:
        await enqueue(task_request("noop"))
    assert raised.value.trouble is RACES[state]
    assert await here.query("SELECT last_value FROM rowlock.refusals") == [(TRIES,)]
    assert await here.query("SELECT count(*) FROM rowlock.tasks") == [(0,)]


@pytest.mark.parametrize("state", TROUBLES)
async def test_what_needs_time_is_told_at_once_and_nothing_is_stored(here: Installation, state: str) -> None:
    await refuse(here, state, times=1)
    before = errors_of(TROUBLES[state])
    request = task_request("noop")
    with pytest.raises(DatabaseUnavailable) as raised:
        await enqueue_many(here.database, TENANT, [request])
    assert raised.value.trouble is TROUBLES[state]
    assert errors_of(TROUBLES[state]) == before + 1
    assert await here.query("SELECT count(*) FROM rowlock.tasks") == [(0,)]
    assert await enqueue_many(here.database, TENANT, [request]) == [Stored(request.id, True)]


@pytest.mark.faults
async def test_a_deadlock_with_somebody_else_costs_no_task(postgres: PostgresServer) -> None:
    """Two store the same tasks, each in the other's order. PostgreSQL ends the one whose patience is shorter: ours."""
    await asyncio.to_thread(lambda: postgres.configure(deadlock_timeout="5s"))
    one, two = task_request("noop"), task_request("noop")
    async with installation(postgres.url) as here, installation(postgres.admin_url) as there:
        before = errors_of(Trouble.DEADLOCK)
        with suppress(Undone):
            async with there.database.link() as other, other.transaction():
                await other.query("SET LOCAL deadlock_timeout = '1h'")
                await tasks.insert_tasks(other, TENANT, [two])
                storing = asyncio.create_task(enqueue_many(here.database, TENANT, [one, two]))
                await eventually(lambda: waits_for_a_lock(postgres))
                await tasks.insert_tasks(other, TENANT, [one])
                await eventually(lambda: errors_of(Trouble.DEADLOCK) == before + 1)
                raise Undone
        assert await storing == [Stored(one.id, True), Stored(two.id, True)]
        assert await here.query("SELECT count(*) FROM rowlock.tasks") == [(2,)]


async def test_a_stricter_isolation_than_ours_costs_no_outcome(postgres: PostgresServer) -> None:
    await asyncio.to_thread(lambda: postgres.configure(default_transaction_isolation="repeatable read"))
    async with installation(postgres.url) as here:
        await here.enqueue()
        [one] = await here.claim()
        before = errors_of(Trouble.SERIALIZATION)
        async with await psycopg.AsyncConnection.connect(postgres.admin_url) as other:
            await other.execute("UPDATE rowlock.tasks_live SET visible_at = visible_at WHERE id = %s", (one.id,))
            completing = asyncio.create_task(leases.complete(here.database, [one.id], [one.lease_token]))
            await eventually(lambda: waits_for_a_lock(postgres))
        assert await completing == {one.lease_token}
        assert errors_of(Trouble.SERIALIZATION) == before + 1
        assert await here.outcomes(one.id) == ["succeeded"]


class Undone(Exception):
    """Takes a transaction back."""


async def waits_for_a_lock(server: PostgresServer) -> bool:
    asked = "SELECT count(*) FROM pg_stat_activity WHERE usename = 'rowlock' AND wait_event_type = 'Lock'"
    return bool((await asyncio.to_thread(server.query, asked))[0][0])


def errors_of(trouble: Trouble) -> float:
    return figure("database_errors_total", kind=trouble)
