"""An application for tests of supervised workers: one task that has children, and one that can be held."""

from __future__ import annotations

import asyncio
import os

from rowlock import Rowlock

app = Rowlock()


@app.task(name="tree")
async def tree(leaves: int) -> None:
    """Enqueues that many leaves."""
    await leaf.enqueue_many([{"number": number} for number in range(leaves)])


@app.task(name="leaf")
async def leaf(number: int) -> int:
    """Says which process ran it."""
    await asyncio.sleep(0.05)
    return os.getpid()


@app.task(name="tell")
async def tell() -> None:
    """Prints, as handlers do whose author looks for something."""
    print("a handler's word", flush=True)  # noqa: T201


@app.task(name="hold")
async def hold() -> None:
    """Runs until it is stopped; it could not end by itself."""
    await asyncio.Event().wait()
