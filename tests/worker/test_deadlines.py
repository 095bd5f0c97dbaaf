"""A task with a deadline: stopped when it passes, not retried beyond it, never begun after it."""

from __future__ import annotations

import asyncio
import threading
from datetime import timedelta

from tests.harness.eventually import eventually
from tests.harness.installation import Installation
from tests.worker.conftest import working

from rowlock import Context, RetryPolicy, Rowlock, Snooze
from rowlock.testing import advance_clock, drain

SOON = timedelta(seconds=20)
HOUR = timedelta(hours=1)
SLOWLY = RetryPolicy(base=2 * HOUR, cap=2 * HOUR, jitter="none")


async def test_a_running_attempt_is_stopped_at_the_deadline(app: Rowlock, here: Installation) -> None:
    gate, seen = threading.Event(), []

    @app.task(expires_in=0.5)
    async def sleeps(ctx: Context) -> None:
        seen.append(ctx.deadline)
        await asyncio.Event().wait()

    @app.task(expires_in=0.5, timeout=60)
    def hangs() -> None:
        gate.wait(30)

    @app.task(expires_in=60, timeout=0.2, max_attempts=1)
    async def overruns() -> None:
        await asyncio.Event().wait()

    async with working(app):
        handles = [await task.enqueue() for task in (sleeps, hangs, overruns)]
        ended = [await handle.wait(SOON) for handle in handles]
        gate.set()
    assert [(t.status, t.reason, t.attempt) for t in ended] == [
        ("dead", "expired", 1),
        ("dead", "expired", 1),
        ("dead", "attempts_exhausted", 1),
    ]
    assert [await here.outcomes(t.id) for t in ended] == [["timed_out"]] * 3
    assert seen == [ended[0].deadline_at]
    codes = await here.query("SELECT code, advice FROM rowlock.explain_task(%(id)s)", {"id": ended[0].id})
    assert codes == [("dead", "If it is still wanted, redrive it: it then has no deadline.")]


async def test_what_waits_for_a_thread_until_the_deadline_never_begins(app: Rowlock) -> None:
    """In the worker, which takes more than it has threads from a queue that has async handlers as well."""
    gate, ran = threading.Event(), []

    @app.task
    async def light() -> None: ...

    @app.task
    def holds() -> None:
        gate.wait(30)

    @app.task(expires_in=0.5)
    def late() -> None:
        ran.append(1)

    async with working(app, threads=1):
        first = await holds.enqueue()
        await eventually(lambda: _is(first, "running"))
        second = await (await late.enqueue()).wait(SOON)
        gate.set()
        await first.wait(SOON)
    assert (second.status, second.reason, ran) == ("dead", "expired", [])


async def test_what_would_come_after_the_deadline_ends_at_once(app: Rowlock) -> None:
    @app.task(expires_in=HOUR, retry=SLOWLY)
    async def fails() -> None:
        raise ValueError("no")

    @app.task(expires_in=HOUR)
    async def snoozes() -> None:
        raise Snooze(2 * HOUR)

    async with working(app):
        ended = [await (await task.enqueue()).wait(SOON) for task in (fails, snoozes)]
    assert [(t.status, t.reason, t.attempt) for t in ended] == [("dead", "expired", 1)] * 2
    assert ended[0].error == "ValueError: no"


async def test_a_redrive_starts_without_the_old_deadline(app: Rowlock) -> None:
    ran: list[int] = []

    @app.task(expires_in=60)
    async def notes() -> None:
        ran.append(1)

    handle = await notes.enqueue()
    await advance_clock(app, timedelta(seconds=61))
    assert await drain(app) == {}
    late = await handle.get()
    assert (late.status, late.reason, late.attempt, ran) == ("dead", "expired", 0, [])
    await app.redrive(handle.id)
    assert (await handle.get()).deadline_at is None
    assert await drain(app, advance=timedelta(days=1)) == {"succeeded": 1}
    assert ran == [1]


async def _is(handle, status: str) -> bool:  # type: ignore[no-untyped-def]
    return bool((await handle.get()).status == status)
