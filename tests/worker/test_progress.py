"""What a handler says of its progress is kept where it can be, and never fails the work."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest
from tests.harness.installation import Installation
from tests.worker.conftest import working

from rowlock import Context, LeaseLost, Rowlock
from rowlock.domain.errors import DatabaseUnavailable, OutcomeUnknown, RowlockError
from rowlock.store import leases
from rowlock.store.leases import Runner

SOON = timedelta(seconds=20)


@pytest.mark.parametrize("trouble", [DatabaseUnavailable("No."), OutcomeUnknown("Nobody knows.")], ids=str)
async def test_progress_that_cannot_be_kept_spends_no_attempt(
    app: Rowlock, trouble: RowlockError, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep = leases.report_progress

    async def keep_what_comes_last(runner: Runner, task_id: UUID, token: int, progress: str, **bound: str) -> bool:
        if '"done":2' not in progress:
            raise trouble
        return await keep(runner, task_id, token, progress, **bound)

    monkeypatch.setattr(leases, "report_progress", keep_what_comes_last)

    @app.task(max_attempts=1)
    async def on_the_loop(ctx: Context) -> bool:
        await ctx.progress(1)
        await ctx.progress(2)
        return ctx.cancelled

    @app.task(max_attempts=1)
    def in_a_thread(ctx: Context) -> bool:
        ctx.progress_sync(1)
        ctx.progress_sync(2)
        return ctx.cancelled

    async with working(app):
        for handle in (await on_the_loop.enqueue(), await in_a_thread.enqueue()):
            assert await handle.result(SOON) is False
            assert (await handle.get()).progress == {"done": 2}


async def test_progress_of_a_lost_lease_tells_so(app: Rowlock, here: Installation) -> None:
    said: list[str] = []

    @app.task(max_attempts=1)
    async def loses_its_lease(ctx: Context) -> None:
        await here.query("UPDATE rowlock.tasks_live SET lease_token = lease_token + 1000")
        try:
            await ctx.progress(1)
        except LeaseLost as error:
            said.append(error.message)
        await here.query("UPDATE rowlock.tasks_live SET lease_token = lease_token - 1000")

    async with working(app):
        handle = await loses_its_lease.enqueue()
        await handle.result(SOON)
    assert said == [f"The lease on task {handle.id} is lost, so its progress was not kept."]
