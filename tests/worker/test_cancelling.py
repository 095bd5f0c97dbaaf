"""A running task is asked to end, has its grace to obey, and is stopped; its end says which it was."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import psutil
import pytest
from tests.harness.eventually import eventually
from tests.harness.installation import Installation
from tests.worker import children
from tests.worker.conftest import working

from rowlock import Cancel, Context, RetryPolicy, Rowlock

SOON = timedelta(seconds=20)
FOREVER = 3_600.0
SLOWLY = RetryPolicy(base=timedelta(hours=1), cap=timedelta(hours=1), jitter="none")


@pytest.fixture
def gate() -> Iterator[threading.Event]:
    """Lets threads go when the test is over."""
    event = threading.Event()
    yield event
    event.set()


async def cancelled(app: Rowlock, handle: Any, begun: asyncio.Event | threading.Event) -> tuple[str, str | None]:
    """Asks a running task to end; how it ended, and the reason."""
    await eventually(begun.is_set)
    assert await app.cancel(handle.id) == "cancel_requested"
    task = await handle.wait(SOON)
    assert task.cancel_requested_at is not None or task.status == "succeeded"
    return task.status, task.reason


async def test_a_handler_that_looks_obeys_within_its_grace(app: Rowlock, here: Installation) -> None:
    begun = asyncio.Event()

    @app.task
    async def looks(ctx: Context) -> None:
        begun.set()
        await ctx.wait_cancelled()
        assert ctx.cancelled
        raise Cancel("as asked")

    async with working(app, cancel_grace_seconds=FOREVER):
        handle = await looks.enqueue()
        assert await cancelled(app, handle, begun) == ("cancelled", "cancelled")
    assert (await handle.get()).error == "as asked"
    assert await here.outcomes(handle.id) == ["cancelled"]


async def test_one_that_cannot_look_is_cancelled_at_once(app: Rowlock) -> None:
    begun = asyncio.Event()

    @app.task
    async def waits() -> None:
        begun.set()
        await asyncio.Event().wait()

    async with working(app, cancel_grace_seconds=FOREVER):
        assert await cancelled(app, await waits.enqueue(), begun) == ("cancelled", "cancelled")


async def test_one_that_finishes_all_the_same_has_succeeded(app: Rowlock) -> None:
    begun = asyncio.Event()

    @app.task
    async def finishes(ctx: Context) -> str:
        begun.set()
        await ctx.wait_cancelled()
        return "done"

    async with working(app, cancel_grace_seconds=FOREVER):
        assert await cancelled(app, await finishes.enqueue(), begun) == ("succeeded", None)


async def test_one_that_fails_meanwhile_is_not_tried_again(app: Rowlock) -> None:
    begun = asyncio.Event()

    @app.task(retry=SLOWLY)
    async def fails(ctx: Context) -> None:
        begun.set()
        await ctx.wait_cancelled()
        raise ValueError("interrupted")

    async with working(app, cancel_grace_seconds=FOREVER):
        handle = await fails.enqueue()
        assert await cancelled(app, handle, begun) == ("cancelled", "cancelled")
    assert "ValueError: interrupted" in ((await handle.get()).error or "")


async def test_when_the_grace_is_over_each_kind_is_stopped(
    app: Rowlock, here: Installation, gate: threading.Event, tmp_path: Path
) -> None:
    begun, threaded = asyncio.Event(), threading.Event()

    @app.task
    async def deaf(ctx: Context) -> None:
        begun.set()
        await asyncio.Event().wait()

    @app.task
    def hangs(ctx: Context) -> None:
        threaded.set()
        gate.wait()

    app.declare(children.linger, name="linger", executor="process")
    note = tmp_path / "pid"
    async with working(app, cancel_grace_seconds=0.1, child_processes=1) as worker:
        lingering = await app.enqueue("linger", {"note": str(note)})
        assert await cancelled(app, await deaf.enqueue(), begun) == ("cancelled", "cancel_forced")
        assert await cancelled(app, await hangs.enqueue(), threaded) == ("cancelled", "cancel_forced")
        pid = int(await eventually(lambda: note.exists() and note.read_text()))
        assert await app.cancel(lingering.id) == "cancel_requested"
        assert (await lingering.wait(SOON)).reason == "cancel_forced"
        await eventually(lambda: not psutil.pid_exists(pid))
        assert worker.held.executors.threads.abandoned == 1
        assert await here.query("SELECT count(*) FROM rowlock.tasks_live") == [(0,)]


async def test_a_handler_that_swallows_its_cancellation_is_abandoned(app: Rowlock, here: Installation) -> None:
    """By cancellation and by its timeout: the attempt ends and leaves its place, whatever the handler does."""
    begun, go = asyncio.Event(), asyncio.Event()

    @app.task
    async def swallows(ctx: Context) -> str:
        begun.set()
        return await stubborn(go)

    @app.task(timeout=0.1, max_attempts=1)
    async def overruns() -> str:
        return await stubborn(go)

    async with working(app, concurrency=1, cancel_grace_seconds=0.1, force_seconds=0.1) as worker:
        first, second = await swallows.enqueue(), await overruns.enqueue()
        assert await cancelled(app, first, begun) == ("cancelled", "cancel_forced")
        late = await second.wait(SOON)
        assert (late.status, late.reason) == ("dead", "attempts_exhausted")
        assert worker.held.figures.abandoned == 2
        go.set()  # what they return now is nobody's
        await eventually(lambda: worker.health == ("healthy", None))
    assert await here.outcomes(first.id) == ["cancelled"]
    assert await here.outcomes(second.id) == ["timed_out"]


async def test_a_request_that_nobody_heard_ends_the_task_with_its_next_claim(app: Rowlock, here: Installation) -> None:
    """The attempt failed before its worker had heard: the backoff is not waited for, and the handler does not run."""
    ran: list[int] = []

    @app.task(name="noted", retry=SLOWLY)
    async def noted() -> None:
        ran.append(1)

    handle = await noted.enqueue()
    (claimed,) = await here.claim()
    assert await app.cancel(handle.id) == "cancel_requested"
    from tests.engine.test_leases import said

    from rowlock.store import leases

    await leases.retry(here.database, [said(claimed, delay_seconds=3_600)], worker_id=1)
    async with working(app):
        task = await handle.wait(SOON)
    assert (task.status, task.reason, ran) == ("cancelled", "cancelled", [])


async def stubborn(go: asyncio.Event) -> str:
    """Waits for `go` through every cancellation."""
    while not go.is_set():
        try:
            await go.wait()
        except asyncio.CancelledError:
            continue
    return "late"
