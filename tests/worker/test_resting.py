"""A worker that cannot begin what it claims leaves it to others, and forgets its trouble when that is over."""

from __future__ import annotations

import os
from datetime import timedelta

import pytest
from tests.harness.eventually import eventually
from tests.harness.installation import Installation
from tests.worker import children
from tests.worker.conftest import working
from tests.worker.test_threads import forbid_threads, given_back

from rowlock import Rowlock
from rowlock.worker import executors, performing, threads
from rowlock.worker.executors import Executors
from rowlock.worker.resting import Resting

SOON = timedelta(seconds=20)


@pytest.fixture
def lasting(monkeypatch: pytest.MonkeyPatch) -> None:
    """What could not begin is tried again after minutes."""
    monkeypatch.setattr(executors, "PAUSE_SECONDS", 600.0)
    monkeypatch.setattr(threads, "PAUSE_SECONDS", 600.0)


def test_queues_rest_whose_handlers_all_need_what_is_lacking_and_for_a_moment_those_of_which_any_does(
    app: Rowlock, monkeypatch: pytest.MonkeyPatch
) -> None:
    app.declare(children.pid, name="a", executor="process", queue="children")
    app.declare(children.pid, name="b", executor="process", queue="both")
    app.declare(children.pid, name="c", executor="thread", queue="both")
    app.declare(children.pid, name="d", executor="thread", queue="threads")
    all_of_them = {"both", "children", "threads", "unnamed"}
    chosen = Executors(threads=1, step_threads=1, child_processes=1)
    resting = Resting(app.handlers.values(), all_of_them, chosen)
    assert resting.queues == set()
    for lacking, pausing, those in [
        ({"process"}, False, {"children"}),
        ({"process"}, True, {"children", "both", "unnamed"}),
        ({"thread"}, True, {"threads", "both", "unnamed"}),
        ({"thread", "process"}, False, all_of_them),
        ({"step"}, False, set()),
        ({"step"}, True, all_of_them),
    ]:
        monkeypatch.setattr(Executors, "lacking", frozenset(lacking))
        monkeypatch.setattr(Executors, "pausing", pausing)
        assert resting.queues == those


async def test_where_no_thread_starts_another_worker_has_the_work_within_seconds(
    app: Rowlock, monkeypatch: pytest.MonkeyPatch, lasting: None
) -> None:
    """One queue has nothing but handlers in threads, of the other anything may come."""
    app.declare(children.pid, name="pid", queue="threads")
    app.declare(children.pid, name="either", queue="both")

    @app.task(queue="both")
    async def quick() -> int:
        return os.getpid()

    @app.task(queue="light")
    async def light() -> int:
        return os.getpid()

    async with working(app) as sick:
        with monkeypatch.context() as patch:
            forbid_threads(patch)
            first = [await app.enqueue(name) for name in ("pid", "either")]
            for handle in first:
                await eventually(lambda: given_back(handle))  # noqa: B023
            claimed = sick.held.figures.claimed
            later = [await app.enqueue(name) for name in ("pid", "either")] + [await quick.enqueue()]
            assert await (await light.enqueue()).result(SOON) == os.getpid()
            assert sick.held.figures.claimed == claimed + 1
        async with working(app) as healthy:
            assert [await handle.result(SOON) for handle in first + later] == [os.getpid()] * 5
            assert healthy.held.figures.claimed == 5


async def test_a_queue_from_which_anything_may_come_rests_for_a_moment_only(
    app: Rowlock, here: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where there is no other worker, what can begin does."""
    monkeypatch.setattr(executors, "PAUSE_SECONDS", 0.2)
    monkeypatch.setattr(performing, "GIVE_BACK_SECONDS", 600.0)
    monkeypatch.setattr(threads, "PAUSE_SECONDS", 600.0)
    app.declare(children.pid, name="either")

    @app.task
    async def quick() -> int:
        return os.getpid()

    with monkeypatch.context() as patch:
        forbid_threads(patch)
        async with working(app) as worker:
            handle = await app.enqueue("either")
            await eventually(lambda: given_back(handle))
            assert await (await quick.enqueue()).result(SOON) == os.getpid()
            assert worker.health[0] == "degraded"


async def test_trouble_with_threads_is_over_when_one_can_be_started_though_no_task_needs_it(
    app: Rowlock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(threads, "PAUSE_SECONDS", 0.1)
    app.declare(children.pid, name="pid")
    async with working(app) as worker:
        with monkeypatch.context() as patch:
            forbid_threads(patch)
            handle = await app.enqueue("pid")
            await eventually(lambda: worker.health[0] == "degraded")
            await app.cancel(handle.id)
        await eventually(lambda: worker.health == ("healthy", None))
        assert (await handle.wait(SOON)).status == "cancelled"
