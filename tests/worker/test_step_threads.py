"""Threads for steps that are plain functions: apart from those for handlers, and replaced and missed as they are."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from tests.harness.eventually import eventually
from tests.harness.installation import Installation
from tests.worker.conftest import working
from tests.worker.test_threads import forbid_threads, given_back

from rowlock import Context, Rowlock
from rowlock.testing import advance_clock

SOON = timedelta(seconds=20)


async def test_steps_that_never_end_hold_up_no_other_and_the_worker_says_when_they_take_its_places(
    app: Rowlock,
) -> None:
    go = threading.Event()
    hanging: list[str] = []

    def hang() -> None:
        hanging.append(threading.current_thread().name)
        go.wait(60)

    @app.task(timeout=0.1, max_attempts=1)
    async def hangs(ctx: Context) -> None:
        await ctx.step("hang", hang)

    async def let_hang(threads: int) -> None:
        """Where the machine is slow, an attempt may end before its step has begun."""
        while len(hanging) < threads:
            assert (await (await hangs.enqueue()).wait(SOON)).status == "dead"

    def ends_with_the_process() -> bool:
        return threading.current_thread().daemon

    @app.task(max_attempts=1)
    async def quick(ctx: Context) -> bool:
        return await ctx.step("quick", ends_with_the_process)

    @app.task(max_attempts=1)
    def in_a_thread() -> str:
        return "done"

    async with working(app, threads=2) as worker:
        for threads, health in ((2, "healthy"), (3, "degraded")):
            await let_hang(threads)
            assert worker.health[0] == health
            assert await (await quick.enqueue()).result(SOON) is True
        await let_hang(4)
        assert worker.health == (
            "unhealthy",
            "4 threads run steps whose attempts are over, so 0 of 2 are left: restart the worker, and give those steps "
            "an end.",
        )
        assert await (await in_a_thread.enqueue()).result(SOON) == "done"
        go.set()
        await eventually(lambda: worker.health == ("healthy", None))
        assert await (await quick.enqueue()).result(SOON) is True


async def test_where_no_thread_can_be_started_for_a_step_the_attempt_is_given_back(
    app: Rowlock, here: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    @app.task(max_attempts=1)
    async def takes_a_step(ctx: Context) -> int:
        return await ctx.step("one", lambda: 1)

    async with working(app) as worker:
        with monkeypatch.context() as patch:
            forbid_threads(patch)
            handle = await takes_a_step.enqueue()
            task = await eventually(lambda: given_back(handle))
            assert (task.attempt, task.reason) == (0, "released")
            assert worker.health == ("degraded", task.error)
            assert str(task.error).startswith("No thread can be started for a step (can't start new thread)")
        await advance_clock(app, timedelta(minutes=1))
        assert await handle.result(SOON) == 1
        assert worker.health == ("healthy", None)
    assert await here.outcomes(handle.id) == ["snoozed", "succeeded"]
