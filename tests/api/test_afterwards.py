"""An act that was done is not called undone because the database went away before the reply could be made."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from tests.api.served import Served, serving
from tests.harness.installation import installation
from tests.harness.proxy import Loss, Proxy

READS_A_TASK = b"-- One task that is not finished."


@pytest.fixture
async def proxy(database_url: str) -> AsyncIterator[Proxy]:
    async with Proxy(database_url) as made:
        yield made


@pytest.fixture
async def api(proxy: Proxy) -> AsyncIterator[Served]:
    async with serving(proxy.url, connect_seconds=0.3) as served:
        yield served


async def test_a_cancellation_that_cannot_be_shown_is_unknown_and_not_unavailable(
    api: Served, proxy: Proxy, database_url: str
) -> None:
    task_id = await api.enqueue("a")
    lost = proxy.lose(Loss.REQUEST, READS_A_TASK)

    async def go_away() -> None:
        await lost.wait()
        await proxy.refuse()

    gone = asyncio.create_task(go_away())
    reply = await api.client.post(f"/v1/tasks/{task_id}/cancel")
    await gone

    assert reply.status_code == 503
    assert reply.json()["type"].endswith("/outcome-unknown")
    assert str(task_id) in reply.json()["detail"]
    async with installation(database_url) as here:
        assert (await here.task(task_id)).status == "cancelled"
