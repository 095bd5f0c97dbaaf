"""The connections that handlers take by enqueueing, which whoever sizes `max_connections` counts."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest
from tests.harness.eventually import eventually
from tests.harness.installation import Installation, installation, settings_for
from tests.worker import children
from tests.worker.conftest import working
from tests.worker.test_locked_tasks import leases_pass

from rowlock import Rowlock
from rowlock.worker import run_worker

CLIENTS = (
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'rowlock client'"
)


async def test_threads_share_a_pool_of_their_own(app: Rowlock, database_url: str) -> None:
    @app.task(name="noop")
    async def noop() -> None: ...

    @app.task(name="in-thread")
    def enqueue_several() -> None:
        for _ in range(5):
            noop.enqueue_sync()

    async with installation(database_url) as here, working(app, threads=12):
        for _ in range(12):
            await here.enqueue("in-thread")
        await eventually(lambda: stored(here, 60))
        [(taken,)] = await here.query(CLIENTS)
        assert 1 <= taken <= app.settings.pool_max < 12


async def test_a_child_process_has_a_pool_of_which_each_call_takes_one(
    app: Rowlock, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ROWLOCK_DATABASE_URL", database_url)
    app.declare(children.enqueue_one, name="in-child", executor="process")
    async with installation(database_url) as here, working(app, child_processes=1):
        for number in (1, 2, 3):
            await here.enqueue("in-child")
            await eventually(lambda: stored(here, number))  # noqa: B023
        assert await here.query(CLIENTS) == [(1,)]


async def test_handlers_that_wait_in_the_database_keep_their_worker_from_nothing(
    app: Rowlock, database_url: str
) -> None:
    """More of them than it has connections, for longer than a lease: others are recorded, and none runs twice."""
    runs: Counter[str] = Counter()

    @app.task(name="noop")
    async def noop() -> None:
        runs["noop"] += 1

    @app.task(name="waiting")
    async def waiting(number: int) -> None:
        runs[f"waiting {number}"] += 1
        await noop.options(idempotency_key="held").enqueue()

    settings, stop = settings_for(database_url, pool_max=2, lease_seconds=1), asyncio.Event()
    async with installation(database_url) as here, asyncio.TaskGroup() as group:
        group.create_task(run_worker(app, settings, stop=stop))
        async with here.database.link() as link, link.transaction():
            await link.query("SELECT rowlock.enqueue('noop', idempotency_key => 'held')")
            for number in range(5):
                await here.enqueue("waiting", payload={"number": number})
            await eventually(lambda: len(runs) == 5)
            await leases_pass(here, 3)
            await here.enqueue("noop")
            await eventually(lambda: stored(here, 1))
            assert set(runs.values()) == {1}
        await eventually(lambda: stored(here, 2))
        stop.set()
    assert {word: count for word, count in runs.items() if word != "noop" and count > 1} == {}


async def stored(here: Installation, noops: int) -> bool:
    return await here.query("SELECT count(*) FROM rowlock.tasks WHERE name = 'noop'") == [(noops,)]
