"""The application whose handlers the benchmarks run: `rowlock worker benchmarks.subject.app:app`."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from benchmarks.harness.counters import Marks, own_counter
from rowlock import Context, RetryPolicy, Rowlock

app = Rowlock(name="benchmarks")
handled, marks = own_counter(), Marks()
SOON = RetryPolicy(base=timedelta(milliseconds=200), factor=1, jitter="none")


@app.task(name="noop")
async def noop() -> None:
    handled[0] += 1


@app.task(name="late")
async def late() -> None:
    """For tasks that were delayed."""
    handled[0] += 1


@app.task(name="await_once")
async def await_once() -> None:
    await asyncio.sleep(0)
    handled[0] += 1


@app.task(name="mark")
async def mark(number: int) -> None:
    marks.begun(number)
    handled[0] += 1


@app.task(name="take")
async def take(data: str) -> None:
    """For payloads that weigh something."""
    assert data
    handled[0] += 1


@app.task(name="fail_at_first", retry=SOON)
async def fail_at_first(context: Context) -> None:
    """Fails the first time, and is handled the second."""
    if context.attempt == 1:
        raise ConnectionError("The first attempt of this task fails.")
    handled[0] += 1
