"""The primary is lost and a standby promoted: what was acknowledged is there, and all go to the new primary alone."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from tests.harness.eventually import eventually
from tests.harness.installation import TENANT, settings_for
from tests.harness.server import PostgresServer
from tests.harness.server_standby import promote, standby, url_of_any
from tests.harness.services import Services

from rowlock.domain.errors import DatabaseUnavailable
from rowlock.domain.requests import task_request
from rowlock.domain.trouble import Trouble
from rowlock.engine.enqueue import enqueue
from rowlock.engine.enqueue_sync import enqueue_many_sync
from rowlock.store.database import Database
from rowlock.store.revisions import current_revision, head_revision
from rowlock.store.sync_database import SyncDatabase
from rowlock.store.tasks import Stored

SOON = timedelta(seconds=30)
STANDBY = "one"


@pytest.fixture
def follower(postgres: PostgresServer) -> Iterator[PostgresServer]:
    """A synchronous standby of `postgres`."""
    with standby(postgres, STANDBY) as other:
        postgres.configure(synchronous_standby_names=STANDBY)
        yield other


async def test_nothing_acknowledged_is_lost_and_all_follow(postgres: PostgresServer, follower: PostgresServer) -> None:
    async with Services(url_of_any(postgres, follower)).running() as services:
        stop = asyncio.Event()
        held = await services.posted("hold")
        await eventually(lambda: held in {str(task) for task, _ in services.begun})

        async def enqueue_on_and_on() -> None:
            while not stop.is_set():
                await services.post()

        clients = [asyncio.create_task(enqueue_on_and_on()) for _ in range(3)]
        await eventually(lambda: len(services.acknowledged) > 30, within=SOON)
        await asyncio.to_thread(postgres.kill)
        before = len(services.acknowledged)
        await asyncio.to_thread(promote, follower)
        await eventually(lambda: len(services.acknowledged) > before + 30, within=SOON)
        stop.set()
        await asyncio.gather(*clients)
        services.release.set()
        stored = {str(task) for (task,) in await in_thread(follower, "SELECT id FROM rowlock.tasks")}
        assert services.acknowledged <= stored

        async def all_done() -> bool:
            [(left,)] = await in_thread(
                follower,
                "SELECT count(*) FROM rowlock.tasks"
                " WHERE name = 'work' AND schedule_id IS NULL AND status <> 'succeeded'",
            )
            return left == 0 and (await services.task(held)).get("status") == "succeeded"

        # What was claimed by a claim whose answer died with the primary waits for the end of its lease.
        await eventually(all_done, within=SOON + timedelta(seconds=services.settings.lease_seconds))
        assert (await services.task(held))["attempt"] == 1
        await eventually(lambda: services.scheduler.epoch)


async def test_a_synchronous_program_and_a_migration_find_the_primary(
    postgres: PostgresServer, follower: PostgresServer
) -> None:
    url = url_of_any(follower, postgres)
    assert await asyncio.to_thread(current_revision, url) == head_revision()
    database = SyncDatabase(settings_for(url))
    try:
        for _ in range(2):
            request = task_request("noop")
            [stored] = await asyncio.to_thread(enqueue_many_sync, database, TENANT, [request])
            assert stored.id == request.id
            if postgres.runs:
                await asyncio.to_thread(postgres.kill)
                await asyncio.to_thread(promote, follower)
    finally:
        await asyncio.to_thread(database.close)


async def test_several_hosts_without_a_word_about_it_mean_the_one_that_writes(
    postgres: PostgresServer, follower: PostgresServer
) -> None:
    url = url_of_any(follower, postgres).replace("&target_session_attrs=read-write", "")
    async with Database(settings_for(url)) as database:
        assert await database.takes_writes()
        assert (await enqueue(database, TENANT, task_request("noop"))).created


async def test_no_host_that_writes_is_told_as_such(postgres: PostgresServer, follower: PostgresServer) -> None:
    url = url_of_any(postgres, follower)
    await asyncio.to_thread(postgres.stop)
    async with Database(settings_for(url, connect_seconds=1)) as database:
        with pytest.raises(DatabaseUnavailable) as raised:
            await enqueue(database, TENANT, task_request("noop"))
    assert raised.value.trouble is Trouble.READ_ONLY


async def test_a_commit_whose_wait_for_the_standby_was_ended_is_acknowledged_once_that_has_it(
    postgres: PostgresServer,
) -> None:
    """PostgreSQL had committed when its session was ended: neither a failure, nor on the standby yet."""
    await asyncio.to_thread(lambda: postgres.configure(synchronous_standby_names=STANDBY))
    async with Database(settings_for(postgres.url)) as database:
        request = task_request("noop")
        enqueueing = asyncio.create_task(enqueue(database, TENANT, request))
        for _ in range(2):
            ended = await eventually(lambda: sessions_that_wait(postgres))
            await in_thread(postgres, f"SELECT pg_terminate_backend({ended[0][0]})")
            assert await in_thread(postgres, "SELECT id, status::text FROM rowlock.tasks") == [(request.id, "pending")]
            await eventually(partial(other_than, ended, postgres))
            assert not enqueueing.done()
        with standby(postgres, STANDBY):
            assert (await enqueueing) == Stored(request.id, True)
    assert await in_thread(postgres, "SELECT count(*) FROM rowlock.tasks") == [(1,)]


async def sessions_that_wait(server: PostgresServer) -> list[tuple[Any, ...]]:
    """Those whose commit waits for a synchronous standby."""
    return await in_thread(server, "SELECT pid FROM pg_stat_activity WHERE wait_event = 'SyncRep' ORDER BY pid")


async def other_than(ended: list[tuple[Any, ...]], server: PostgresServer) -> bool:
    waiting = await sessions_that_wait(server)
    return bool(waiting) and waiting != ended


async def in_thread(server: PostgresServer, statement: str) -> list[tuple[Any, ...]]:
    return await asyncio.to_thread(server.query, statement)
