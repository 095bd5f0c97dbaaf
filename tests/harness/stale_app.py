"""Handlers that say one word each, in the first attempt when the test lets the late ones speak. The next attempt ends
when the test is done. To be imported by a worker process alone, which is recorded."""

from __future__ import annotations

import asyncio
import os
from datetime import timedelta
from pathlib import Path

from tests.harness.history.recording import FOLDER, record_this_process

from rowlock import Context, Rowlock, Snooze

app = Rowlock()


class TooLate(Exception):
    """What the handler fails with."""


async def its_turn(ctx: Context) -> int:
    """Says that the attempt waits, and waits for its turn; the lease that it was given."""
    folder = Path(os.environ[FOLDER])
    (folder / f"waits-{ctx.lease_token}").touch()
    signal = folder / ("late" if ctx.attempt == 1 else "done")
    while not signal.exists():  # noqa: ASYNC110 - another process lets it go
        await asyncio.sleep(0.02)
    return ctx.lease_token


@app.task(name="stale.complete")
async def complete(ctx: Context) -> int:
    return await its_turn(ctx)


@app.task(name="stale.fail")
async def fail(ctx: Context) -> int:
    token = await its_turn(ctx)
    if ctx.attempt == 1:
        raise TooLate
    return token


@app.task(name="stale.snooze")
async def snooze(ctx: Context) -> int:
    token = await its_turn(ctx)
    if ctx.attempt == 1:
        raise Snooze(timedelta(hours=1))
    return token


@app.task(name="stale.step")
def step(ctx: Context) -> int:
    return ctx.step_sync("turn", its_turn, ctx)


@app.task(name="stale.progress")
async def progress(ctx: Context) -> int:
    token = await its_turn(ctx)
    if ctx.attempt == 1:
        await ctx.progress(1, 2)
    return token


record_this_process("worker", app)
