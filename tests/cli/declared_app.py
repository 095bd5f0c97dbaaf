"""An application that declares schedules, for tests of `rowlock schedules sync`."""

from __future__ import annotations

from rowlock import Rowlock

app = Rowlock(name="declared")
other = Rowlock(name="other")


@app.schedule("0 3 * * *", tz="Europe/Berlin")
@app.schedule(interval="15m", name="often", payload={"full": True})
@app.task(name="report.build")
async def build(full: bool = False) -> None:
    """Builds the report."""


@other.schedule("@daily", name="often")
@other.task(name="other.work")
async def work() -> None:
    """Works for another application."""
