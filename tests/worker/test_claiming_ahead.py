"""What a worker has claimed ahead waits for a place here, and not for long."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from tests.harness.eventually import eventually
from tests.harness.installation import Installation
from tests.worker.conftest import working

from rowlock import Rowlock

QUICK, SLOW = 40, 10
STANDING = "SELECT status::text, attempt, count(*)::int FROM rowlock.tasks_live GROUP BY 1, 2 ORDER BY 1"


class Handlers:
    """Quick ones, which set a pace, and slow ones after them."""

    def __init__(self, app: Rowlock) -> None:
        self.gate = asyncio.Event()
        self.running = self.most = 0

        @app.task(name="quick")
        async def quick() -> None:
            await self._run(asyncio.sleep(0.005))

        @app.task(name="slow")
        async def slow() -> None:
            await self._run(self.gate.wait())

        self.enqueue: Callable[[], Awaitable[None]] = lambda: self._enqueue(app)

    async def _run(self, work: Awaitable[object]) -> None:
        self.running += 1
        self.most = max(self.most, self.running)
        await work
        self.running -= 1

    @staticmethod
    async def _enqueue(app: Rowlock) -> None:
        for name, count in (("quick", QUICK), ("slow", SLOW)):
            for _ in range(count):
                await app.enqueue(name)


def standing(here: Installation, wanted: list[tuple[str, int, int]]) -> Callable[[], Awaitable[bool]]:
    async def as_wanted() -> bool:
        return await here.query(STANDING) == wanted

    return as_wanted


async def test_no_more_run_at_once_than_may(app: Rowlock, here: Installation) -> None:
    handlers = Handlers(app)
    handlers.gate.set()
    await handlers.enqueue()
    async with working(app, concurrency=2, claim_ahead_seconds=0.05):
        await eventually(standing(here, []))
    assert handlers.most == 2


async def test_what_waits_too_long_is_given_back_for_others(
    app: Rowlock, here: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rowlock.worker.runners.LONGEST_WAIT_SECONDS", 0.2)
    handlers = Handlers(app)
    await handlers.enqueue()
    async with working(app, concurrency=1, claim_ahead_seconds=0.05):
        await eventually(standing(here, [("pending", 0, SLOW - 1), ("running", 1, 1)]))
        handlers.gate.set()
        await eventually(standing(here, []))
    assert await here.query("SELECT count(*)::int FROM rowlock.executions") == [(QUICK + SLOW,)]


async def test_a_worker_that_stops_gives_back_at_once_what_waits(
    app: Rowlock, here: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rowlock.worker.runners.LONGEST_WAIT_SECONDS", 3_600)
    handlers = Handlers(app)
    await handlers.enqueue()
    async with working(app, concurrency=1, claim_ahead_seconds=0.05, drain_seconds=60) as worker:
        await eventually(lambda: _held_ahead(here))
        worker.stop()
        await eventually(standing(here, [("pending", 0, SLOW - 1), ("running", 1, 1)]))
        handlers.gate.set()
    assert await here.query(STANDING) == [("pending", 0, SLOW - 1)]


async def _held_ahead(here: Installation) -> bool:
    rows = await here.query("SELECT count(*)::int FROM rowlock.tasks_live WHERE name = 'slow' AND status = 'running'")
    left = await here.query("SELECT count(*)::int FROM rowlock.tasks_live WHERE name = 'quick'")
    return rows[0][0] > 1 and left[0][0] == 0
