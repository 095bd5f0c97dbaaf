"""The calls for programs without an event loop: the same answers and refusals, from any thread."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from tests.harness.installation import settings_for

from rowlock import Fail, Rowlock, TaskNotSucceeded
from rowlock.domain.errors import InvalidArgument, NotFound, TaskNotCancellable, TaskNotRedrivable
from rowlock.store.at_once import at_once
from rowlock.testing import drain, drain_sync, inline

NOBODYS = uuid4()


@pytest.fixture
def plain_app(database_url: str) -> Iterator[Rowlock]:
    """An application of a test without an event loop."""
    made = Rowlock(settings=settings_for(database_url))
    yield made
    made.close_sync()


async def test_a_task_looks_the_same_from_both(app: Rowlock) -> None:
    @app.task(tags=["a", "b"], timeout=60)
    async def echo(value: Any) -> Any:
        return value

    handle = await echo.options(metadata={"of": "mine"}, idempotency_key="k").enqueue(value={"pi": 3.14, "no": None})
    assert handle.get_sync() == await handle.get() == app.get_sync(handle.id)
    await drain(app)
    done = handle.get_sync()
    assert (done.status, done.result) == ("succeeded", {"pi": 3.14, "no": None})
    assert done == await app.get(handle.id)
    with pytest.raises(NotFound):
        app.get_sync(handle.id, tenant_id="other")


async def test_a_thread_waits_for_a_result(app: Rowlock) -> None:
    @app.task
    async def double(number: int) -> int:
        return 2 * number

    @app.task(max_attempts=1)
    async def refuse() -> None:
        raise Fail("No.")

    good, bad = double.enqueue_sync(2), refuse.enqueue_sync()
    results = asyncio.gather(
        asyncio.to_thread(good.result_sync, 30),
        asyncio.to_thread(good.wait_sync, timedelta(seconds=30)),
        asyncio.to_thread(bad.result_sync),
        return_exceptions=True,
    )
    await drain(app)
    result, task, refused = await results
    assert (result, task) == (4, await good.get())
    assert isinstance(refused, TaskNotSucceeded)


def test_threads_share_an_application(plain_app: Rowlock) -> None:
    @plain_app.task
    def double(number: int) -> int:
        return 2 * number

    with ThreadPoolExecutor(4) as threads:
        handles = list(threads.map(double.enqueue_sync, range(20)))
        drain_sync(plain_app)
        assert list(threads.map(lambda handle: handle.result_sync(30), handles)) == [2 * n for n in range(20)]


def test_a_task_is_cancelled_and_redriven(plain_app: Rowlock) -> None:
    handle = plain_app.enqueue_sync("mail.send", {})

    with pytest.raises(TaskNotRedrivable):
        plain_app.redrive_sync(handle.id)
    assert handle.cancel_sync(reason="Sent by hand.") == "cancelled"
    assert handle.get_sync().error == "Sent by hand."
    with pytest.raises(TaskNotCancellable):
        plain_app.cancel_sync(handle.id)
    plain_app.redrive_sync(handle.id)
    assert plain_app.get_sync(handle.id).status == "ready"
    for call in (plain_app.get_sync, plain_app.cancel_sync, plain_app.redrive_sync):
        with pytest.raises(NotFound):
            call(NOBODYS)


async def test_a_handle_cancels(app: Rowlock) -> None:
    handle = await app.enqueue("mail.send", {})
    assert await handle.cancel(reason="Sent by hand.") == "cancelled"
    assert (await handle.get()).error == "Sent by hand."


@pytest.mark.parametrize("patience", [timedelta(0), 0, 0.05, -1, timedelta(milliseconds=50)])
async def test_a_wait_ends(app: Rowlock, patience: timedelta | float) -> None:
    handle = await app.enqueue("noop")
    with pytest.raises(TimeoutError):
        await handle.wait(patience)
    with pytest.raises(TimeoutError):
        await handle.result(patience)
    with pytest.raises(TimeoutError):
        handle.wait_sync(patience)


async def test_a_timeout_of_zero_asks_once(app: Rowlock) -> None:
    handle = await app.enqueue("noop")
    await handle.cancel()
    assert (await handle.wait(0)).status == handle.wait_sync(timedelta(0)).status == "cancelled"


async def test_what_is_no_duration_is_refused(app: Rowlock) -> None:
    handle = await app.enqueue("noop")
    for timeout in ("5", float("nan"), True):
        with pytest.raises(InvalidArgument, match="timeout"):
            await handle.wait(timeout)  # type: ignore[arg-type]
        with pytest.raises(InvalidArgument, match="timeout"):
            handle.result_sync(timeout)  # type: ignore[arg-type]


def test_inline_tasks_answer_too(bare_app: Rowlock) -> None:
    broken = True

    @bare_app.task
    def double(number: int) -> int:
        if broken:
            raise Fail("Not now.")
        return 2 * number

    with inline(bare_app):
        handle = double.enqueue_sync(2)
        assert handle.get_sync().status == "dead"
        broken = False
        bare_app.redrive_sync(handle.id)
        assert handle.result_sync() == 4
        assert bare_app.enqueue_sync("elsewhere.declared").cancel_sync() == "cancelled"


def test_nothing_else_is_waited_for_at_once() -> None:
    with pytest.raises(AssertionError, match="waited"):
        at_once(asyncio.sleep(0))
