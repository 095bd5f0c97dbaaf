"""What needs a thread or a child process is claimed when there is a place for it, and left to others until then."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from tests.harness.claimed import claimed
from tests.harness.eventually import eventually
from tests.harness.figures import figure
from tests.harness.installation import Installation
from tests.worker import children
from tests.worker.conftest import working

from rowlock import Rowlock
from rowlock.domain.lanes import Allowance, Lane, LaneBook
from rowlock.worker.executors import Executors
from rowlock.worker.places import Places

SOON = timedelta(seconds=20)
HELD = "SELECT worker_id, count(*)::int FROM rowlock.tasks_live WHERE status = 'running' GROUP BY 1 ORDER BY 1"


@pytest.fixture
def gate() -> Iterator[threading.Event]:
    """What threads wait for; it opens at the end of the test, whatever becomes of it."""
    made = threading.Event()
    yield made
    made.set()


async def test_two_workers_share_slow_tasks_for_child_processes(
    app: Rowlock, here: Installation, tmp_path: Path
) -> None:
    app.declare(children.go_on, name="report", executor="process", queue="reports")
    go, notes = tmp_path / "go", [tmp_path / str(number) for number in range(6)]
    handles = [await app.enqueue("report", {"note": str(n), "go": str(go), "seconds": 0}) for n in notes]

    async def begun(count: int) -> bool:
        return sum(note.exists() for note in notes) == count

    async with working(app, child_processes=1) as first:
        await eventually(lambda: begun(1))
        async with working(app, child_processes=2) as second:
            await eventually(lambda: begun(3))
            assert await here.query(HELD) == sorted([(first.id, 1), (second.id, 2)])
            go.touch()
            assert [await handle.result(SOON) for handle in handles] == ["done"] * 6


async def test_a_critical_task_is_not_behind_low_ones_that_wait_for_a_thread(
    app: Rowlock, gate: threading.Event
) -> None:
    ran = []

    @app.task(name="note")
    def note(what: str) -> None:
        ran.append(what)
        gate.wait()

    low = [await note.options(priority="low").enqueue(what="low") for _ in range(5)]
    async with working(app, threads=1) as worker:
        await eventually(lambda: ran and worker._wakeups.listening)
        before = figure("notifications_total")
        urgent = await note.options(priority="critical").enqueue(what="critical")
        await eventually(lambda: figure("notifications_total") > before)
        gate.set()
        for handle in [urgent, *low]:
            await handle.wait(SOON)
    assert ran == ["low", "critical", *["low"] * 4]


async def test_what_waits_for_a_thread_takes_no_room_of_what_needs_none(app: Rowlock, gate: threading.Event) -> None:
    """And when a thread is free again, the worker looks at once, though it has nothing else to do."""

    @app.task(name="slow", queue="slow")
    def slow() -> None:
        gate.wait()

    @app.task(name="light", queue="light")
    async def light() -> str:
        return "done"

    handles = [await slow.enqueue() for _ in range(5)]
    async with working(app, threads=1, concurrency=3, poll_seconds=60) as worker:
        await eventually(lambda: worker.held.attempts)
        assert [await (await light.enqueue()).result(SOON) for _ in range(3)] == ["done"] * 3
        assert len(worker.held.attempts) == 1
        gate.set()
        for handle in handles:
            assert (await handle.wait(SOON)).status == "succeeded"


async def test_a_place_that_an_abandoned_thread_returns_is_taken_again(app: Rowlock, gate: threading.Event) -> None:
    @app.task(name="stuck", timeout=timedelta(seconds=0.1), max_attempts=1)
    def stuck() -> None:
        gate.wait()

    async with working(app, threads=1) as worker:
        handles = [await stuck.enqueue() for _ in range(3)]
        for handle in handles[:2]:
            assert (await handle.wait(SOON)).status == "dead"
        await eventually(lambda: worker.held.executors.threads.left == 0)
        await eventually(lambda: not worker.held.attempts)
        assert (await handles[2].get()).status == "ready"
        gate.set()
        assert (await handles[2].wait(SOON)).status == "succeeded"


def places_of(app: Rowlock, *, threads: int = 16, child_processes: int = 2) -> Places:
    """Those of a worker of all queues that the handlers name, and of one that none does; nothing is claimed ahead."""
    executors = Executors(threads=threads, step_threads=1, child_processes=child_processes)
    queues = {handler.queue for handler in app.handlers.values()} | {"unnamed"}
    return Places(app.handlers.values(), queues, executors, ahead_seconds=0, freed=lambda: None)


def rooms(places: Places) -> dict[str, int]:
    """What the next claim may take of each bounded queue, if it is the only one that has something."""
    return {queue: allowance.room for allowance in places.allowances() for queue in allowance.queues}


def test_a_queue_gives_as_many_as_there_are_places_for_all_that_its_handlers_need(app: Rowlock) -> None:
    @app.task(queue="light")
    async def light() -> None: ...

    app.declare(children.pid, name="a", executor="process", queue="children")
    app.declare(children.pid, name="b", executor="process", queue="both")
    app.declare(children.pid, name="c", executor="thread", queue="both")
    app.declare(children.pid, name="d", executor="thread", queue="threads")
    app.declare(children.pid, name="e", executor="thread", queue="more")
    app.declare(children.pid, name="f", executor="thread", queue="light")
    assert set(places_of(app).allowances()) == {
        Allowance(frozenset({"children"}), 2, frozenset({"process"})),
        Allowance(frozenset({"both"}), 18, frozenset({"process", "thread"})),
        Allowance(frozenset({"threads", "more"}), 16, frozenset({"thread"})),
    }


def test_tasks_that_wait_for_threads_keep_none_from_a_free_child_process(app: Rowlock) -> None:
    """But those from the same queues do: nobody could tell before a claim that it will not bring more of them."""

    @app.task(queue="light")
    async def light() -> None: ...

    app.declare(children.pid, name="slow", executor="thread", queue="light")
    app.declare(children.pid, name="thread", executor="thread", queue="both")
    app.declare(children.pid, name="process", executor="process", queue="both")
    places = places_of(app, threads=4)
    assert rooms(places) == {"both": 6}
    slow = [claimed("slow", queue="light") for _ in range(30)]
    places.take(slow)
    assert rooms(places) == {"both": 2}
    waiting = [claimed("thread", queue="both") for _ in range(2)]
    places.take(waiting[:1])
    assert rooms(places) == {"both": 1}
    places.take(waiting[1:])
    assert rooms(places) == {"both": 0}
    for task in [*slow, waiting[0]]:
        places.leave(task)
    assert rooms(places) == {"both": 5}


def test_a_worker_takes_no_more_than_it_has_places_for_though_queues_share_them(app: Rowlock) -> None:
    app.declare(children.pid, name="t", executor="thread", queue="threads")
    app.declare(children.pid, name="m", executor="thread", queue="mixed")
    app.declare(children.pid, name="p", executor="process", queue="mixed")
    places, book = places_of(app, threads=4), LaneBook()
    book.replace([Lane("threads", 2, "t"), Lane("mixed", 2, "m")])
    held: Counter[str] = Counter()
    while plans := book.plan(100, places.allowances()):
        for plan in plans:
            places.take([claimed(plan.lane.lane, queue=plan.lane.queue)] * plan.quota)
            held[plan.lane.lane] += plan.quota
            book.claimed(plan.lane, None)
    assert held == {"t": 4, "m": 2}
