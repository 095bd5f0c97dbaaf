"""An application that is given settings by name."""

from __future__ import annotations

from rowlock import Rowlock

app = Rowlock(schema="jobs", concurrency=7)


@app.task(name="noop")
async def noop() -> None:
    """Does nothing."""
