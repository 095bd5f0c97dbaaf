"""A pool ends with its event loop, whatever it was about to do, and says why it has no connection."""

from __future__ import annotations

import asyncio
import socket
import threading

import pytest
from tests.harness.eventually import eventually
from tests.harness.impatience import impatient
from tests.harness.installation import settings_for
from tests.harness.proxy import Proxy

from rowlock.domain.errors import DatabaseUnavailable
from rowlock.domain.trouble import Trouble
from rowlock.store.database import Database
from rowlock.store.pools import SyncPool
from rowlock.telemetry.metrics import Metrics


@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_a_loop_ends_though_a_connection_is_being_made() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:  # it accepts, and never says a word
        settings = settings_for(f"postgresql://nobody@127.0.0.1:{silent.getsockname()[1]}/none")

        async def open_and_leave() -> None:
            database = Database(settings)
            await database.open()
            await asyncio.to_thread(silent.accept)

        running = threading.Thread(target=asyncio.run, args=(open_and_leave(),), daemon=True)
        running.start()
        running.join(timeout=30)
        assert not running.is_alive()


def unused_url() -> str:
    """An address where nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    return f"postgresql://nobody@127.0.0.1:{port}/none"


@pytest.mark.parametrize(
    ("url", "trouble"),
    [
        (unused_url(), Trouble.UNREACHABLE),
        ("postgresql://nobody@nowhere.invalid/none", Trouble.UNREACHABLE),
    ],
    ids=["refused", "no such host"],
)
async def test_whoever_gets_no_connection_is_told_why(url: str, trouble: Trouble) -> None:
    async with Database(settings_for(url, connect_seconds=0.3)) as database:
        for _ in range(2):
            with pytest.raises(DatabaseUnavailable, match="cannot be reached") as raised:
                await database.run("get_leader", {"role": "scheduler"})
            assert raised.value.trouble is trouble


async def test_a_pool_whose_connections_are_all_busy_says_so(database_url: str) -> None:
    async with Database(settings_for(database_url, pool_max=1)) as database, database.link():
        with impatient(database), pytest.raises(DatabaseUnavailable, match="ROWLOCK_POOL_MAX") as raised:
            await database.run("get_leader", {"role": "scheduler"})
    assert raised.value.trouble is Trouble.POOL_BUSY


async def test_the_connection_given_back_last_is_taken_next(database_url: str) -> None:
    async with Database(settings_for(database_url, pool_max=3)) as database:
        async with database.link() as first, database.link() as second, database.link() as third:
            pids = [link.connection.info.backend_pid for link in (first, second, third)]
        for _ in range(3):
            async with database.link() as link:  # the blocks above end from the last to the first
                assert link.connection.info.backend_pid == pids[0]


def test_the_same_without_an_event_loop(database_url: str) -> None:
    with SyncPool(database_url, min_size=2, open=True) as pool:
        with pool.connection() as first, pool.connection():
            last = first.info.backend_pid
        for _ in range(3):
            with pool.connection() as connection:
                assert connection.info.backend_pid == last


async def test_a_server_without_the_encryption_that_is_asked_for_is_not_reached(database_url: str) -> None:
    async with Proxy(database_url) as proxy:
        url = proxy.url.replace("sslmode=disable", "sslmode=require")
        async with Database(settings_for(url, connect_seconds=1)) as database:
            with pytest.raises(DatabaseUnavailable, match="SSL") as raised:
                await database.run("get_leader", {"role": "scheduler"})
    assert raised.value.trouble is Trouble.UNREACHABLE


async def test_metrics_tell_what_has_happened_to_a_pool(database_url: str) -> None:
    metrics = Metrics()

    def told(name: str, **labels: str) -> float | None:
        return metrics.registry.get_sample_value(f"rowlock_pool_{name}", {"pool": "w", **labels})

    async with Database(settings_for(database_url, pool_max=1, connect_seconds=2)) as database:
        metrics.pools.watch("w", database.pool_stats)
        async with database.link():
            with pytest.raises(DatabaseUnavailable):
                await database.run("get_leader", {"role": "scheduler"})
            waiting = asyncio.create_task(database.run("get_leader", {"role": "scheduler"}))
            await eventually(lambda: told("waiting"))
            assert (told("connections", state="busy"), told("connections", state="idle")) == (1, 0)
        await waiting
        assert (told("connections", state="busy"), told("connections", state="idle")) == (0, 1)
        assert (told("connections_max"), told("waiting")) == (1, 0)
        assert (told("requests_total"), told("errors_total")) == (3, 1)
        assert (told("wait_seconds_total") or 0) > 0
