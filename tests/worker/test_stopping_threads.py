"""A worker that stops lets a handler in a thread, which nobody can stop, end by itself for as long as it may."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from typing import cast

import pytest
from tests.harness.claimed import claimed
from tests.harness.eventually import eventually
from tests.harness.installation import Installation
from tests.worker.conftest import working

from rowlock import Cancel, Context, Rowlock
from rowlock.handlers.context import CallNext, Reporter
from rowlock.worker.attempt import Attempt, Stop, Surroundings
from rowlock.worker.executors import Executors
from rowlock.worker.worker import Worker


class Thread:
    """A handler that has begun, and goes on when the test lets it."""

    def __init__(self) -> None:
        self.begun = threading.Event()
        self.sees = threading.Event()
        self.go = threading.Event()

    def look(self, context: Context) -> None:
        """Until it sees that it is to stop."""
        self.begun.set()
        while not context.cancelled:
            self.go.wait(0.01)
        self.sees.set()
        self.go.wait(60)

    def wait(self) -> None:
        """Without looking."""
        self.begun.set()
        self.go.wait(60)


def stopping(worker: Worker) -> bool:
    """Whether the worker has told what still runs to stop."""
    return all(attempt.stop is Stop.WORKER_STOPS for attempt in worker.held.attempts.values())


@pytest.mark.parametrize("ends", ["returns", "raises", "is cancelled"])
async def test_one_that_has_seen_it_is_given_back_when_it_ends_whatever_comes_of_it(
    app: Rowlock, here: Installation, ends: str
) -> None:
    """As a part of its work is no result of the task; and no other may begin it while it runs."""
    thread = Thread()

    @app.task
    def looks(ctx: Context) -> str:
        thread.look(ctx)
        if ends == "raises":
            raise ValueError("interrupted")
        if ends == "is cancelled":
            raise Cancel("as asked")
        return "half of it"

    async with working(app, force_seconds=600) as worker:
        handle = await looks.enqueue()
        await eventually(thread.begun.is_set)
        worker.hurry()
        await eventually(thread.sees.is_set)
        assert (await handle.get()).status == "running"
        thread.go.set()
    task = await handle.get()
    assert (task.status, task.attempt) == ("ready", 0)
    assert await here.outcomes(handle.id) == ["released"]
    assert worker.held.figures.abandoned == 0


async def test_what_one_returns_that_has_not_looked_is_stored(app: Rowlock) -> None:
    thread = Thread()

    @app.task
    def finishes(ctx: Context) -> str:
        thread.wait()
        return "all of it"

    @app.task(max_attempts=1)
    def fails() -> str:
        thread.wait()
        raise ValueError("no luck")

    async with working(app, force_seconds=600) as worker:
        handles = [await finishes.enqueue(), await fails.enqueue()]
        await eventually(lambda: len([a for a in worker.held.attempts.values() if a.begun]) == 2)
        worker.hurry()
        await eventually(lambda: stopping(worker))
        thread.go.set()
    done, failed = [await handle.get() for handle in handles]
    assert (done.status, done.result) == ("succeeded", "all of it")
    assert (failed.status, failed.error) == ("dead", "ValueError: no luck")


async def test_one_that_is_to_be_cancelled_too_says_how_it_ended(app: Rowlock) -> None:
    thread = Thread()

    @app.task
    def looks(ctx: Context) -> None:
        thread.look(ctx)
        raise Cancel("as asked")

    async with working(app, force_seconds=600, cancel_grace_seconds=600) as worker:
        handle = await looks.enqueue()
        await eventually(thread.begun.is_set)
        await app.cancel(handle.id)
        await eventually(thread.sees.is_set)
        worker.hurry()
        await eventually(lambda: stopping(worker))
        thread.go.set()
    task = await handle.get()
    assert (task.status, task.error) == ("cancelled", "as asked")


async def test_one_that_does_not_end_in_time_is_given_back_without_it(app: Rowlock, here: Installation) -> None:
    thread = Thread()

    @app.task
    def stays() -> None:
        thread.wait()

    async with working(app, force_seconds=0.1) as worker:
        handle = await stays.enqueue()
        await eventually(thread.begun.is_set)
        worker.hurry()
        async with asyncio.timeout(20):
            await eventually(lambda: not worker.held.attempts)
    assert worker.held.figures.abandoned == 1
    assert await here.outcomes(handle.id) == ["released"]
    thread.go.set()


@pytest.fixture
def offline() -> Rowlock:
    """An application whose database nobody asks for anything."""
    return Rowlock(database_url="postgresql://nowhere/rowlock")


@pytest.fixture
async def executors() -> AsyncIterator[Executors]:
    """A single thread, and nothing else."""
    made = Executors(threads=1, step_threads=1, child_processes=1)
    yield made
    made.close()


def attempt_at(name: str) -> Attempt:
    """One of a worker that knows no database."""
    around = Surroundings(cast("Reporter", None), asyncio.get_running_loop(), "worker", 1_000, grace_seconds=600)
    return Attempt(claimed(name), around)


async def look(context: Context) -> bool:
    return context.cancelled


def look_in_another(context: Context) -> None:
    other = threading.Thread(target=lambda: context.cancelled)
    other.start()
    other.join()


@pytest.mark.parametrize(
    "looks",
    [
        lambda context: context.cancelled,
        look_in_another,
        lambda context: context.wait_for(look(context)),
        lambda context: context.wait_for(context.wait_cancelled()),
    ],
    ids=["in its thread", "in another", "on the worker's loop", "waiting"],
)
async def test_one_has_seen_it_wherever_it_looks(
    offline: Rowlock, executors: Executors, looks: Callable[[Context], object]
) -> None:
    thread = Thread()

    @offline.task
    def handler(ctx: Context) -> str:
        thread.wait()
        looks(ctx)
        return "half of it"

    attempt = attempt_at(handler.name)
    performing = asyncio.create_task(attempt.perform(offline.handlers[handler.name], (), executors))
    await eventually(thread.begun.is_set)
    attempt.request_stop(Stop.WORKER_STOPS)
    thread.go.set()
    with pytest.raises(asyncio.CancelledError):
        await performing


async def test_what_a_middleware_has_seen_says_nothing_of_its_handler(offline: Rowlock, executors: Executors) -> None:
    thread, seen = Thread(), []

    async def logs(context: Context, call_next: CallNext) -> object:
        told = asyncio.create_task(context.wait_cancelled())
        try:
            return await call_next()
        finally:
            await told
            seen.append(context.cancelled)

    @offline.task
    def handler() -> str:
        thread.wait()
        return "all of it"

    attempt = attempt_at(handler.name)
    performing = asyncio.create_task(attempt.perform(offline.handlers[handler.name], (logs,), executors))
    await eventually(thread.begun.is_set)
    attempt.request_stop(Stop.WORKER_STOPS)
    thread.go.set()
    ending = await performing
    assert (seen, ending.result) == ([True], '"all of it"')


@pytest.mark.parametrize("why", [Stop.WORKER_STOPS, Stop.CANCEL_REQUESTED])
async def test_one_that_begins_in_the_moment_in_which_it_is_told_to_stop_is_told_as_one_that_runs(
    offline: Rowlock, executors: Executors, why: Stop
) -> None:
    """Its thread is not left to go on without its lease."""
    thread, before, endings = Thread(), threading.Event(), []

    @offline.task
    def stays() -> str:
        thread.wait()
        return "all of it"

    attempt = attempt_at(stays.name)

    async def perform() -> None:
        endings.append(await attempt.perform(offline.handlers[stays.name], (), executors))

    def wait_for_the_place() -> None:
        attempt.job = asyncio.create_task(perform())
        asyncio.get_running_loop().call_soon(before.set)

    await executors.threads.run(before.wait, begin=wait_for_the_place)
    assert not attempt.begun  # it has the place, and will in the next turn of the event loop
    attempt.request_stop(why)
    await eventually(thread.begun.is_set)
    assert attempt.context.cancelled
    assert attempt.job is not None
    assert not attempt.job.done()
    thread.go.set()
    await attempt.job
    assert [ending.result for ending in endings] == ['"all of it"']
    assert executors.threads.abandoned == 0
