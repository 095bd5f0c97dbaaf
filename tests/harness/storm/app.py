"""What the schedules of a storm make tasks for: some are done at once, some still live when the next window comes."""

from __future__ import annotations

import asyncio

from rowlock import Rowlock

app = Rowlock(name="storm")


@app.task(name="storm.quick")
async def quick() -> None:
    """Nothing to do."""


@app.task(name="storm.slow")
async def slow() -> None:
    """Takes about as long as it is from one window to the next on the quickened clock."""
    await asyncio.sleep(1)
