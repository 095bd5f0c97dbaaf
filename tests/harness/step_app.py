"""Handlers that take durable steps and write down each time that one ran, for tests that kill workers."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

from tests.harness.fault_app import QUICKLY, note

from rowlock import Context, Rowlock

app = Rowlock()


def may_go() -> bool:
    """Whether the test has let go what waits."""
    return (Path(os.environ["ROWLOCK_TEST_HISTORY"]) / "go").exists()


@app.task(name="step.sequence", retry=QUICKLY)
async def sequence(ctx: Context) -> list[int]:
    """Two steps that end at once, one that the test holds, and one more."""

    async def run(name: str) -> int:
        note(f"step {name}", ctx)
        while name == "held" and not may_go():  # noqa: ASYNC110 - another process lets it go
            await asyncio.sleep(0.02)
        return ctx.lease_token

    return [await ctx.step(name, run, name) for name in ("first", "second", "held", "last")]
