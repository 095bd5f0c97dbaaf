"""An act that was done is not called undone because the database went away before the reply could be made."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import ExitStack
from typing import Any

import httpx
import pytest
from tests.api.served import Served, assert_problem, serving
from tests.harness.impatience import impatient
from tests.harness.installation import installation
from tests.harness.proxy import Loss, Proxy

from rowlock.engine import backfill as backfilling

READS_A_TASK = b"-- One task that is not finished."
BACKFILLED = b"the-backfilled-one"
COUNTS_TASKS = b"-- Live tasks of every tenant, queue and priority by state"


@pytest.fixture
async def proxy(database_url: str) -> AsyncIterator[Proxy]:
    async with Proxy(database_url) as made:
        yield made


@pytest.fixture
async def api(proxy: Proxy) -> AsyncIterator[Served]:
    async with serving(proxy.url) as served:
        yield served


async def cut_off(api: Served, proxy: Proxy, before: bytes, method: str, path: str, **sent: Any) -> httpx.Response:
    """The answer to a request whose database goes away before that statement."""
    lost = proxy.lose(Loss.REQUEST, before)
    with ExitStack() as without:

        async def go_away() -> None:
            await lost.wait()
            without.enter_context(impatient(api.database))
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


@pytest.mark.parametrize("loss", [None, *Loss])
async def test_a_backfill_that_was_cut_short_tells_how_far_it_came(
    api: Served, proxy: Proxy, monkeypatch: pytest.MonkeyPatch, loss: Loss | None
) -> None:
    """Whether the database is away before the third of its statements, or with it."""
    monkeypatch.setattr(backfilling, "WINDOWS_PER_STATEMENT", 10)
    fill = backfilling.windows.backfill_windows
    statements = iter(range(10))

    async def cut_short(*arguments: Any, **options: Any) -> Any:
        if next(statements) == 2:
            if loss is None:
                await proxy.refuse()
            else:
                proxy.lose(loss, BACKFILLED)
        return await fill(*arguments, **options)

    await api.client.post("/v1/schedules", json={"name": BACKFILLED.decode(), "task_name": "a", "cron": "0 * * * *"})
    where = f"/v1/schedules/{BACKFILLED.decode()}/backfill"
    body = {"since": "2026-03-01T00:00Z", "until": "2026-03-02T05:00Z"}
    monkeypatch.setattr(backfilling.windows, "backfill_windows", cut_short)
    with impatient(api.database):
        detail = assert_problem(await api.client.post(where, json=body), 503, "outcome-unknown")["detail"]
    await proxy.restore()

    assert "20 of 30 are" in detail
    assert ("perhaps more" in detail) is (loss is not None)
    done = await api.client.post(where, json=body)
    assert len(done.json()["fired"]) == (0 if loss is Loss.REPLY else 10)
    assert await api.count_tasks() == 30


async def test_a_backfill_that_could_not_begin_has_stored_nothing(
    api: Served, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill = backfilling.windows.backfill_windows

    async def away(*arguments: Any, **options: Any) -> Any:
        await proxy.refuse()
        return await fill(*arguments, **options)

    await api.client.post("/v1/schedules", json={"name": "s", "task_name": "a", "cron": "0 * * * *"})
    monkeypatch.setattr(backfilling.windows, "backfill_windows", away)
    body = {"since": "2026-03-01T00:00Z", "until": "2026-03-02T05:00Z"}
    with impatient(api.database):
        assert_problem(await api.client.post("/v1/schedules/s/backfill", json=body), 503, "database-unavailable")
