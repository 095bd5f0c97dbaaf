"""What a worker says at its metrics port while the database is away, or its event loop stands still."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

import pytest
from prometheus_client import generate_latest
from tests.harness.eventually import eventually, eventually_sync
from tests.harness.installation import Installation, settings_for
from tests.harness.ports import free_ports
from tests.harness.proxy import Proxy

from rowlock import Rowlock
from rowlock.telemetry.metrics import process_metrics
from rowlock.worker import asking, run_worker, service


def get(port: int, path: str) -> tuple[int, str]:
    try:
        with urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as answer:
            return answer.status, answer.read().decode()
    except HTTPError as error:
        with error:
            return error.code, error.read().decode()
    except URLError:  # it does not listen yet
        return 0, ""


def says(port: int, state: str) -> bool:
    """Whether this state, and no other, is the present one."""
    lines = [line for line in get(port, "/metrics")[1].splitlines() if line.startswith("rowlock_worker_health{")]
    return [line for line in lines if line.endswith(" 1.0")] == [f'rowlock_worker_health{{state="{state}"}} 1.0']


@asynccontextmanager
async def serving(app: Rowlock, url: str, **flags: float) -> AsyncIterator[int]:
    """A worker that serves metrics, for the length of the block; its port."""
    stop, [port] = asyncio.Event(), free_ports()
    settings = settings_for(url, metrics_port=port, connect_seconds=2, **flags)
    async with asyncio.TaskGroup() as group:
        group.create_task(run_worker(app, settings, queues=["default"], stop=stop))
        try:
            yield port
        finally:
            stop.set()


async def test_a_worker_whose_database_is_away_for_longer_than_a_lease_shows_as_unhealthy(app: Rowlock) -> None:
    async with Proxy(app.settings.database_url or "") as proxy, serving(app, proxy.url, lease_seconds=1) as port:
        await eventually(lambda: asyncio.to_thread(says, port, "healthy"))
        await proxy.refuse()
        await eventually(lambda: asyncio.to_thread(says, port, "unhealthy"))
        assert (await asyncio.to_thread(get, port, "/health/ready"))[0] == 503
        assert (await asyncio.to_thread(get, port, "/health/live"))[0] == 200
        await proxy.restore()
        await eventually(lambda: asyncio.to_thread(says, port, "healthy"))
        assert (await asyncio.to_thread(get, port, "/health/ready"))[0] == 200


@pytest.mark.parametrize("table", ["workers", "tasks_live"], ids=["heartbeats", "claims"])
async def test_a_worker_that_waits_for_an_answer_for_too_long_says_so(
    app: Rowlock, here: Installation, monkeypatch: pytest.MonkeyPatch, table: str
) -> None:
    """No error comes back that would tell of it, as while VACUUM FULL holds the table."""
    monkeypatch.setattr(asking, "SHORTEST_PATIENCE_SECONDS", 0.3)
    async with serving(app, app.settings.database_url or "", lease_seconds=1) as port:
        await eventually(lambda: asyncio.to_thread(says, port, "healthy"))
        await eventually(lambda: here.query("SELECT FROM rowlock.workers"))
        async with here.database.link() as link, link.transaction():
            await link.query(f"LOCK TABLE rowlock.{table}")
            await eventually(lambda: asyncio.to_thread(says, port, "unhealthy"))
            status, body = await asyncio.to_thread(get, port, "/health/ready")
            assert (status, json.loads(body)["reasons"][0][:50]) == (
                503,
                "The database has not answered for 0.3 s and longer",
            )
        await eventually(lambda: asyncio.to_thread(says, port, "healthy"))


async def test_a_worker_whose_event_loop_stands_still_shows_as_unhealthy(
    app: Rowlock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "LONGEST_STANDSTILL_SECONDS", 1.5)
    seen: list[tuple[int, str]] = []

    @app.task
    async def blocks() -> None:  # the loop, which is the point
        eventually_sync(lambda: says(port, "unhealthy"))
        seen.append(get(port, "/health/ready"))

    async with serving(app, app.settings.database_url or "") as port:
        await blocks.enqueue()
        [(status, body)] = await eventually(lambda: seen)
        assert status == 503
        assert "event loop" in json.loads(body)["reasons"][0]
        await eventually(lambda: asyncio.to_thread(says, port, "healthy"))


async def test_a_worker_tells_how_its_pools_are_used(app: Rowlock) -> None:
    asked: list[dict[str, float]] = []

    @app.task
    async def ask() -> None:
        await app.enqueue("noop", queue="elsewhere")
        prefix = "rowlock_pool_requests_total"
        lines = (await asyncio.to_thread(get, port, "/metrics"))[1].splitlines()
        counts = (line.removeprefix(prefix).split() for line in lines if line.startswith(prefix))
        asked.append({labels: float(count) for labels, count in counts})

    async with serving(app, app.settings.database_url or "") as port:
        await eventually(
            lambda: asyncio.to_thread(says, port, "healthy")
        )  # else the application opens a pool of its own
        await ask.enqueue()
        [counted] = await eventually(lambda: asked)
    assert counted['{pool="worker"}'] > 0
    assert counted['{pool="handlers"}'] > 0
    told = generate_latest(process_metrics().registry).decode()
    assert ('pool="worker"' in told, 'pool="handlers"' in told) == (False, False)  # they are closed
