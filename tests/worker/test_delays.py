"""What is to run later begins when it is due, though the worker looks for work once a minute."""

from __future__ import annotations

from datetime import timedelta

import pytest
from tests.harness.installation import Installation
from tests.worker.conftest import working

from rowlock import Context, Retry, Rowlock, Snooze

SOON = timedelta(seconds=30)
LATER = timedelta(seconds=0.3)
ONCE_A_MINUTE = 60


async def test_a_task_that_falls_due_while_the_worker_sleeps(app: Rowlock) -> None:
    @app.task
    async def noop() -> None: ...

    early = await noop.options(delay=timedelta(seconds=2)).enqueue()
    async with working(app, poll_seconds=ONCE_A_MINUTE):
        await (await noop.enqueue()).wait(SOON)
        await (await noop.options(delay=LATER).enqueue()).wait(SOON)
        await early.wait(SOON)


@pytest.mark.parametrize("word", [Retry(after=LATER), Snooze(LATER)], ids=["retry", "snooze"])
async def test_an_attempt_that_comes_back(app: Rowlock, word: Exception) -> None:
    said = []

    @app.task
    async def comes_back(ctx: Context) -> None:
        if not said:
            said.append(ctx.task_id)
            raise word

    async with working(app, poll_seconds=ONCE_A_MINUTE):
        task = await (await comes_back.enqueue()).wait(SOON)
        assert task.status == "succeeded"


async def test_what_was_committed_late_is_found_by_a_sweep(app: Rowlock, here: Installation) -> None:
    """It has been due for longer than anything that the worker has claimed, so that no claim would come by it."""

    @app.task
    async def noop() -> None: ...

    async with working(app):
        await (await noop.enqueue()).wait(SOON)
        late = await noop.options(delay=timedelta(hours=1)).enqueue()
        await here.query(
            "UPDATE rowlock.tasks_live SET visible_at = rowlock.clock() - interval '1 hour' WHERE id = %(id)s",
            {"id": late.id},
        )
        await late.wait(SOON)
