"""Handlers that write down what really ran, in a file of each process, for tests that kill things."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import time
from collections import defaultdict
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from rowlock import Context, RetryPolicy, Rowlock

app = Rowlock()
QUICKLY = RetryPolicy(base=timedelta(milliseconds=10), cap=timedelta(milliseconds=50), max_attempts=10)


def note(event: str, ctx: Context) -> None:
    """Appends a line that a kill cannot tear: one write, on a descriptor opened to append."""
    line = json.dumps(
        {"event": event, "task": str(ctx.task_id), "token": ctx.lease_token, "pid": os.getpid(), "at": time.monotonic()}
    )
    folder = Path(os.environ["ROWLOCK_TEST_HISTORY"])
    descriptor = os.open(folder / f"{os.getpid()}.jsonl", os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    try:
        os.write(descriptor, f"{line}\n".encode())
    finally:
        os.close(descriptor)


@app.task(name="fault.work", retry=QUICKLY)
async def work(ctx: Context, seconds: float = 0.02) -> None:
    """Some work that awaits."""
    note("begin", ctx)
    await asyncio.sleep(seconds)
    note("end", ctx)


@app.task(name="fault.hold", retry=QUICKLY)
async def hold(ctx: Context) -> None:
    """Holds its lease until the test lets it go."""
    note("begin", ctx)
    while not (Path(os.environ["ROWLOCK_TEST_HISTORY"]) / "go").exists():  # noqa: ASYNC110 - another process lets it go
        await asyncio.sleep(0.02)
    note("end", ctx)


@app.task(name="fault.poison", max_attempts=4)
async def poison(ctx: Context) -> None:
    """Takes its worker down, when what runs beside it has begun."""
    note("begin", ctx)
    await asyncio.sleep(0.1)
    os.kill(os.getpid(), signal.SIGKILL)


@app.task(name="fault.innocent", max_attempts=4)
async def innocent(ctx: Context) -> None:
    """Runs until its worker dies, but for its last attempt: then it needs only a chance."""
    note("begin", ctx)
    if ctx.attempt < ctx.max_attempts:
        await asyncio.Event().wait()


@app.task(name="fault.stubborn")
async def stubborn(ctx: Context) -> None:
    """Goes on, however often it is cancelled."""
    note("begin", ctx)
    while True:
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.Event().wait()


@app.task(name="fault.endless")
def endless(ctx: Context) -> None:
    """A thread that never returns."""
    note("begin", ctx)
    while True:
        time.sleep(3_600)


@dataclass(frozen=True)
class Noted:
    """What the handlers wrote down."""

    begun: dict[str, list[int]]
    ended: dict[str, list[int]]


def read_history(folder: Path) -> Noted:
    """Lease tokens under which each task was begun, and under which it was ended."""
    begun, ended = defaultdict(list), defaultdict(list)
    for file in folder.glob("*.jsonl"):
        for line in file.read_text().splitlines():
            entry = json.loads(line)
            (begun if entry["event"] == "begin" else ended)[entry["task"]].append(entry["token"])
    return Noted(dict(begun), dict(ended))
