"""When a worker claims tasks in their places: while it is quick, and no worker lives that knows nothing of that."""

from __future__ import annotations

import asyncio

import pytest
from tests.harness.eventually import eventually
from tests.harness.installation import Installation
from tests.worker.conftest import working

from rowlock import Rowlock
from rowlock.domain.errors import DatabaseUnavailable
from rowlock.store import leases, workers

LEASES = "SELECT coalesce(lease_moved, false) FROM rowlock.tasks_live WHERE status = 'running' ORDER BY id"


@pytest.fixture
def gate(app: Rowlock) -> asyncio.Event:
    opened = asyncio.Event()

    @app.task(name="hold")
    async def hold() -> None:
        await opened.wait()

    @app.task(name="quick")
    async def quick() -> None:
        return None

    return opened


async def moved(here: Installation, tasks: int) -> list[bool]:
    """Of each running task whether its lease moved, once so many run."""
    rows = await eventually(lambda: _if_so_many(here, tasks))
    return [row[0] for row in rows]


async def _if_so_many(here: Installation, tasks: int) -> list[tuple[bool]] | None:
    rows = await here.query(LEASES)
    return rows if len(rows) == tasks else None


async def test_while_an_older_worker_lives_leases_move(here: Installation, app: Rowlock, gate: asyncio.Event) -> None:
    older, _ = await here.register_worker(knows=False, expires_seconds=600)
    await here.enqueue("hold")
    async with working(app, lease_seconds=600, heartbeat_seconds=0.2):
        assert await moved(here, 1) == [True]
        await workers.stop_worker(here.database, older)
        await here.query("UPDATE rowlock.workers SET heartbeat_at = '-infinity'")  # until all have beaten again
        await eventually(lambda: here.query("SELECT FROM rowlock.workers WHERE heartbeat_at > '-infinity'"))
        gate.set()
        await eventually(lambda: _nothing_runs(here))
        gate.clear()
        await here.enqueue("hold")
        assert await moved(here, 1) == [False]
        gate.set()


async def _nothing_runs(here: Installation) -> bool:
    return not await here.query(LEASES)


async def test_a_worker_that_cannot_ask_does_not_claim_in_place(
    here: Installation, app: Rowlock, gate: asyncio.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its claims go by another connection, and may well succeed."""
    asked = asyncio.Event()

    async def beat(*_: object, **__: object) -> bool:
        asked.set()
        raise DatabaseUnavailable("no")

    monkeypatch.setattr(workers, "beat", beat)
    async with working(app):
        await asked.wait()
        await here.enqueue("hold")
        assert await moved(here, 1) == [True]
        gate.set()


async def test_a_worker_whose_tasks_take_long_moves_leases(
    here: Installation, app: Rowlock, gate: asyncio.Event
) -> None:
    """From a moment on in which nothing ended; what it claimed before, and when it was idle, lies in its place."""
    async with working(app, lease_seconds=600):
        await here.enqueue("hold")
        assert await moved(here, 1) == [False]
        tasks = 1
        while not (found := await moved(here, tasks))[-1]:
            await here.enqueue("hold")
            tasks += 1
        assert found[0] is False
        gate.set()


async def test_reads_all_live_tasks_at_its_end_only_if_a_claim_failed(
    here: Installation, app: Rowlock, gate: asyncio.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    released = leases.release_unheard
    asked: list[int] = []

    async def release_unheard(*about: object, **more: object) -> int:
        asked.append(1)
        return await released(*about, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(leases, "release_unheard", release_unheard)
    async with working(app):
        task_id = await here.enqueue("quick")
        await eventually(lambda: here.outcomes(task_id))
    assert not asked
    claim = leases.claim
    failed = asyncio.Event()

    async def fail(*_: object, **__: object) -> object:
        failed.set()
        raise DatabaseUnavailable("no")

    monkeypatch.setattr(leases, "claim", fail)
    await here.enqueue("quick")
    async with working(app):
        await failed.wait()
        monkeypatch.setattr(leases, "claim", claim)
    assert asked
    asked.clear()
    failed.clear()
    monkeypatch.setattr(leases, "claim", fail)
    await here.enqueue("quick")
    async with working(app, lease_seconds=1) as worker:
        await failed.wait()
        monkeypatch.setattr(leases, "claim", claim)
        await eventually(lambda: not worker._claiming.in_doubt)  # what it may have taken has run out by then
    assert not asked
