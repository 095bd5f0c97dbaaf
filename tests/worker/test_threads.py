"""Threads for handlers: used again, replaced when they are abandoned, and missed when too many are."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from tests.harness.eventually import eventually
from tests.harness.installation import Installation
from tests.worker.conftest import working

from rowlock import Rowlock
from rowlock.telemetry.metrics import process_metrics
from rowlock.testing import advance_clock
from rowlock.worker.could_not_begin import CouldNotBegin
from rowlock.worker.threads import HandlerThreads


class Held:
    """Threads whose functions wait until the test lets them go."""

    def __init__(self, size: int) -> None:
        self.threads = HandlerThreads(size)
        self.go = threading.Event()
        self.begun = 0

    def begin(self) -> None:
        self.begun += 1

    async def abandon(self, count: int) -> None:
        """Begins that many functions, one after the other, and gives each up."""
        for _ in range(count):
            before = self.begun
            running = asyncio.create_task(self.threads.run(self.go.wait, begin=self.begin))
            await eventually(lambda: self.begun > before)  # noqa: B023
            running.cancel()
            with pytest.raises(asyncio.CancelledError):
                await running

    async def answer(self, value: object) -> object:
        return await self.threads.run(lambda: value, begin=self.begin)


@pytest.fixture
async def held() -> AsyncIterator[Held]:
    made = Held(2)
    yield made
    made.go.set()
    made.threads.close()


async def test_answers_and_errors_come_back_and_threads_are_used_again(held: Held) -> None:
    names = {await held.threads.run(lambda: threading.current_thread().name, begin=held.begin) for _ in range(20)}
    assert len(names) <= 2

    def stops() -> Any:
        raise StopIteration(3)

    with pytest.raises(RuntimeError, match=r"StopIteration\(3\)"):
        await held.threads.run(stops, begin=held.begin)
    with pytest.raises(RuntimeError, match=r"SystemExit\(1\)"):
        await held.threads.run(lambda: exec("raise SystemExit(1)"), begin=held.begin)
    assert await held.answer(4) == 4


async def test_no_more_than_there_are_places_for_run_at_once(held: Held) -> None:
    waiting = [asyncio.create_task(held.threads.run(held.go.wait, begin=held.begin)) for _ in range(5)]
    await eventually(lambda: held.begun == 2)
    held.go.set()
    assert await asyncio.gather(*waiting) == [True] * 5


async def test_as_many_as_there_are_may_be_abandoned_without_harm(held: Held) -> None:
    await held.abandon(2)
    assert (held.threads.abandoned, held.threads.left) == (2, 2)
    assert await held.answer(1) == 1


async def test_beyond_that_each_takes_a_place_until_it_returns(held: Held) -> None:
    await held.abandon(4)
    assert (held.threads.abandoned, held.threads.left) == (4, 0)
    waiting = asyncio.create_task(held.answer("at last"))
    await asyncio.sleep(0)
    assert not waiting.done()
    held.go.set()
    assert await waiting == "at last"
    await eventually(lambda: (held.threads.abandoned, held.threads.left) == (0, 2))


async def test_the_abandoned_of_all_threads_are_counted_together(held: Held) -> None:
    def counted() -> float:
        return process_metrics().registry.get_sample_value("rowlock_worker_abandoned_threads") or 0

    others, before = Held(2), counted()
    await held.abandon(1)
    await others.abandon(2)
    assert counted() == before + 3
    for each in (held, others):
        each.go.set()
        await eventually(lambda: each.threads.abandoned == 0)  # noqa: B023
        each.threads.close()
    assert counted() == before


async def test_a_worker_says_when_abandoned_threads_have_taken_its_places(app: Rowlock) -> None:
    go = threading.Event()

    @app.task(timeout=0.1, max_attempts=1)
    def hangs() -> None:
        go.wait(60)

    async with working(app, threads=2) as worker:
        handles = await hangs.enqueue_many([{}] * 3)
        for handle in handles:
            assert (await handle.wait(timedelta(seconds=20))).status == "dead"
        assert worker.health[0] == "degraded"
        await (await hangs.enqueue()).wait(timedelta(seconds=20))
        health, reason = worker.health
        assert (health, str(reason)[:91]) == (
            "unhealthy",
            "4 threads run handlers whose attempts are over, so 0 of 2 are left: restart the worker, and",
        )
        go.set()
        await eventually(lambda: worker.health == ("healthy", None))


def forbid_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    """No thread for handlers and steps can be started, as at the limit of the system."""
    start = threading.Thread.start

    def refuse(thread: threading.Thread) -> None:
        if thread.name.startswith(("rowlock-handler", "rowlock-step")):
            raise RuntimeError("can't start new thread")
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", refuse)


async def test_a_thread_that_cannot_be_started_takes_no_place_and_its_function_never_runs(held: Held) -> None:
    ran: list[int] = []
    with pytest.MonkeyPatch.context() as patch:
        forbid_threads(patch)
        for _ in range(3):
            with pytest.raises(CouldNotBegin, match="can't start new thread"):
                await held.threads.run(lambda: ran.append(1), begin=held.begin)
        assert held.begun == 0
        assert held.threads.trouble is not None
    assert await held.answer(1) == 1
    waiting = [asyncio.create_task(held.threads.run(held.go.wait, begin=held.begin)) for _ in range(2)]
    await eventually(lambda: held.begun == 3)
    held.go.set()
    assert await asyncio.gather(*waiting) == [True] * 2
    assert (ran, held.threads.trouble) == ([], None)


async def test_where_no_thread_can_be_started_attempts_are_given_back_and_the_worker_says_why(
    app: Rowlock, here: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran: list[int] = []

    @app.task(max_attempts=1)
    def notes() -> None:
        ran.append(1)

    async with working(app, threads=8) as worker:
        with monkeypatch.context() as patch:
            forbid_threads(patch)
            handles = await notes.enqueue_many([{}] * 3)
            for handle in handles:
                task = await eventually(lambda: given_back(handle))  # noqa: B023
                assert (task.attempt, task.reason, ran) == (0, "released", [])
            assert worker.health == ("degraded", task.error)
            assert "can't start new thread" in str(task.error)
        await advance_clock(app, timedelta(minutes=1))
        for handle in handles:
            assert (await handle.wait(timedelta(seconds=20))).status == "succeeded"
        assert worker.health == ("healthy", None)
    assert [await here.outcomes(handle.id) for handle in handles] == [["snoozed", "succeeded"]] * 3


async def given_back(handle: Any) -> Any:
    task = await handle.get()
    return task if task.reason == "released" and task.status in ("scheduled", "ready") else None
