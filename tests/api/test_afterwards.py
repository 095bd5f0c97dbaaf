"""An act that was done is not called undone because the database went away before the reply could be made."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from tests.api.served import Served, assert_problem, serving
from tests.harness.installation import installation
from tests.harness.proxy import Loss, Proxy

READS_A_TASK = b"-- One task that is not finished."
COUNTS_TASKS = b"-- Live tasks of every tenant, queue and priority by state"


@pytest.fixture
async def proxy(database_url: str) -> AsyncIterator[Proxy]:
    async with Proxy(database_url) as made:
        yield made


@pytest.fixture
async def api(proxy: Proxy) -> AsyncIterator[Served]:
    async with serving(proxy.url, connect_seconds=0.3) as served:
        yield served


async def cut_off(api: Served, proxy: Proxy, before: bytes, method: str, path: str, **sent: Any) -> httpx.Response:
    """The answer to a request whose database goes away before that statement."""
    lost = proxy.lose(Loss.REQUEST, before)

    async def go_away() -> None:
        await lost.wait()
        await proxy.refuse()

    gone = asyncio.create_task(go_away())
    reply = await api.client.request(method, path, **sent)
    await gone
    return reply


async def test_a_cancellation_that_cannot_be_shown_is_unknown_and_not_unavailable(
    api: Served, proxy: Proxy, database_url: str
) -> None:
    task_id = await api.enqueue("a")
    reply = await cut_off(api, proxy, READS_A_TASK, "POST", f"/v1/tasks/{task_id}/cancel")

    assert str(task_id) in assert_problem(reply, 503, "outcome-unknown")["detail"]
    async with installation(database_url) as here:
        assert (await here.task(task_id)).status == "cancelled"


@pytest.mark.parametrize(
    ("method", "path", "done"),
    [
        ("PUT", "/v1/queues/q", "The queue q was set"),
        ("POST", "/v1/queues/q/pause", "The queue q was paused"),
        ("POST", "/v1/queues/q/resume", "The queue q was resumed"),
    ],
)
async def test_a_change_of_a_queue_that_cannot_be_shown_is_unknown_too(
    api: Served, proxy: Proxy, method: str, path: str, done: str
) -> None:
    await api.client.post("/v1/queues/q/pause")
    reply = await cut_off(api, proxy, COUNTS_TASKS, method, path, json={})
    assert done in assert_problem(reply, 503, "outcome-unknown")["detail"]
