"""The application of a history: handlers of every temper. Its tasks are told by `mark`, which is for people.

`recorder` is that of the worker which runs them. Quick backoffs and short naps, so that a history comes to its end.
"""

from __future__ import annotations

import asyncio
import os
import signal
import time
from datetime import timedelta

from tests.harness.history.events import Recorder
from tests.harness.history.recording import recorded_enqueue

from rowlock import Context, Fail, RetryPolicy, Rowlock, Snooze
from rowlock.domain.requests import task_request

app = Rowlock(name="nemesis")
recorder: Recorder | None = None
QUICKLY = RetryPolicy(base=timedelta(milliseconds=20), cap=timedelta(milliseconds=200), max_attempts=20)
SELDOM = RetryPolicy(base=timedelta(milliseconds=20), cap=timedelta(milliseconds=200), max_attempts=2)
CHILDREN = 3
STEPS = 3


class Mishap(Exception):
    """What handlers fail with."""


@app.task(name="quick", retry=QUICKLY)
async def quick(mark: str) -> None:
    """Ends at once."""


@app.task(name="answering", queue="side", retry=QUICKLY)
async def answering(mark: str) -> dict[str, str]:
    """Returns something."""
    return {"mark": mark}


@app.task(name="slow", retry=QUICKLY)
async def slow(mark: str, seconds: float) -> None:
    """Takes a while, part of which the worker may be killed in."""
    await asyncio.sleep(seconds)


@app.task(name="long", retry=QUICKLY)
async def long(ctx: Context, mark: str, seconds: float) -> None:
    """Takes longer than a lease, and says how far it is."""
    parts = 10
    for done in range(parts):
        await ctx.progress(done, parts)
        await asyncio.sleep(seconds / parts)


@app.task(name="threaded", retry=QUICKLY)
def threaded(ctx: Context, mark: str, seconds: float) -> str:
    """Runs in a thread, which nobody can cancel; it looks by itself."""
    until = time.monotonic() + seconds
    while time.monotonic() < until and not ctx.cancelled:
        time.sleep(0.02)
    return mark


@app.task(name="stepping", retry=QUICKLY)
async def stepping(ctx: Context, mark: str, seconds: float) -> None:
    """Goes step by step, and fails before the last one: the next attempt has only that one left to do."""
    for part in range(STEPS):
        if part == STEPS - 1 and ctx.attempt == 1:
            raise Mishap(f"{mark} fails after {part} steps.")
        await ctx.step("part", _part, mark, seconds / STEPS)


async def _part(mark: str, seconds: float) -> str:
    await asyncio.sleep(seconds)
    return mark


@app.task(name="failing", retry=SELDOM)
async def failing(mark: str) -> None:
    """Never succeeds."""
    raise Mishap(f"{mark} fails, as always.")


@app.task(name="retrying", retry=QUICKLY)
async def retrying(ctx: Context, mark: str, failures: int) -> None:
    """Succeeds after so many failures."""
    if ctx.attempt <= failures:
        raise Mishap(f"{mark} fails in attempt {ctx.attempt}.")


@app.task(name="giving-up", retry=QUICKLY)
async def giving_up(mark: str) -> None:
    """Fails for good in its first attempt."""
    raise Fail(f"{mark} is not worth another attempt.")


@app.task(name="snoozing", retry=QUICKLY)
async def snoozing(mark: str) -> None:
    """Comes back until it likes the time, which spends no attempt."""
    if time.monotonic() % 1 < 0.6:
        raise Snooze(timedelta(milliseconds=100))


@app.task(name="timing-out", retry=SELDOM, timeout=0.2)
async def timing_out(mark: str) -> None:
    """Takes longer than it may, where somebody told its task so."""
    await asyncio.sleep(2)


@app.task(name="poison", retry=RetryPolicy(max_attempts=2))
async def poison(mark: str) -> None:
    """Kills its worker, each time."""
    os.kill(os.getpid(), signal.SIGKILL)


@app.task(name="parent", retry=QUICKLY)
async def parent(ctx: Context, mark: str) -> None:
    """Enqueues children, the same ones in every attempt."""
    assert recorder is not None
    requests = [
        task_request(
            "quick",
            {"mark": f"{mark}/{number}"},
            idempotency_key=f"{ctx.task_id}/{number}",
            parent_id=ctx.task_id,
            workflow_id=ctx.workflow_id or ctx.task_id,
        )
        for number in range(CHILDREN)
    ]
    await recorded_enqueue(recorder, app.database, ctx.tenant_id, requests)
