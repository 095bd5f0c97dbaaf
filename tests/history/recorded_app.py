"""An application whose worker is recorded. To be imported by a worker process alone."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

from tests.harness.history.recording import FOLDER, record_this_process

from rowlock import Rowlock

app = Rowlock()


@app.task(name="recorded.work")
async def work() -> None:
    """Some work that awaits."""
    await asyncio.sleep(0.01)


@app.task(name="recorded.hold")
async def hold() -> None:
    """Holds its lease until the test lets it go."""
    while not (Path(os.environ[FOLDER]) / "go").exists():  # noqa: ASYNC110 - another process lets it go
        await asyncio.sleep(0.02)


record_this_process("worker", app)
