"""The application's pools: opened once however many ask, and bound to the event loop that opened them."""

from __future__ import annotations

import asyncio
import gc
import threading
import warnings
from typing import Any

import psycopg
import pytest
from tests.harness.eventually import eventually, eventually_sync
from tests.harness.installation import settings_for

from rowlock import Rowlock
from rowlock.domain.errors import ConfigurationError
from rowlock.store.database import Database
from rowlock.store.pools import Pool

OURS = "datname = current_database() AND application_name = 'rowlock client'"


def connections(url: str) -> int:
    """How many connections applications hold."""
    with psycopg.connect(url) as watching:
        row = watching.execute(f"SELECT count(*) FROM pg_stat_activity WHERE {OURS}").fetchone()
        assert row is not None
        return int(row[0])


async def test_tasks_that_ask_at_once_share_one_pool(app: Rowlock, database_url: str) -> None:
    await asyncio.gather(*(app.enqueue("noop") for _ in range(30)))
    assert 1 <= connections(database_url) <= app.settings.pool_max
    await app.close()
    await eventually(lambda: connections(database_url) == 0)


def test_threads_that_ask_at_once_share_one_pool(database_url: str) -> None:
    app = Rowlock(settings=settings_for(database_url))
    together = threading.Barrier(8)

    def enqueue() -> None:
        together.wait()
        app.enqueue_sync("noop")

    threads = [threading.Thread(target=enqueue) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert 1 <= connections(database_url) <= app.settings.pool_max
    app.close_sync()
    eventually_sync(lambda: connections(database_url) == 0)


@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
def test_one_application_serves_one_loop_after_the_other(database_url: str) -> None:
    app = Rowlock(settings=settings_for(database_url))

    async def enqueue(number: int) -> bool:
        return all([(await app.enqueue("noop")).created for _ in range(number)])

    assert asyncio.run(enqueue(1))
    assert asyncio.run(enqueue(5)), "the first loop's pool is left behind"

    async def close() -> None:
        await enqueue(1)
        await app.close()

    asyncio.run(close())
    asyncio.run(app.close())
    with warnings.catch_warnings(action="ignore", category=ResourceWarning):
        gc.collect()


async def test_two_loops_at_once_need_two_applications(app: Rowlock) -> None:
    await app.open()
    with pytest.raises(ConfigurationError, match="another event loop"):
        await asyncio.to_thread(lambda: asyncio.run(_enqueue(app)))


async def test_a_second_loop_does_not_wait_for_the_pool_that_the_first_opens(
    app: Rowlock, monkeypatch: pytest.MonkeyPatch
) -> None:
    opening, go_on, open_pool = asyncio.Event(), asyncio.Event(), Pool.open

    async def slow(pool: Pool, *arguments: Any, **options: Any) -> None:
        opening.set()
        await go_on.wait()
        await open_pool(pool, *arguments, **options)

    monkeypatch.setattr(Pool, "open", slow)
    first = asyncio.create_task(app.open())
    await opening.wait()
    with pytest.raises(ConfigurationError, match="another event loop"):
        await asyncio.to_thread(lambda: asyncio.run(asyncio.wait_for(_enqueue(app), 10)))
    go_on.set()
    await first
    assert (await app.enqueue("noop")).created


async def test_a_closed_pool_is_free_for_another_loop(database_url: str) -> None:
    async def open_and_close() -> None:
        async with database as opened:
            assert await opened.takes_writes()

    database = Database(settings_for(database_url))
    await open_and_close()
    await asyncio.to_thread(lambda: asyncio.run(open_and_close()))
    await open_and_close()


async def _enqueue(app: Rowlock) -> None:
    await app.enqueue("noop")


async def test_a_closed_application_opens_again(app: Rowlock) -> None:
    await app.enqueue("noop")
    app.enqueue_sync("noop")
    await app.close()
    assert (await app.enqueue("noop")).created
    assert app.enqueue_sync("noop").created
