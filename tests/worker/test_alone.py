"""Who runs alone next, and how long a worker waits for it."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from uuid import UUID

from tests.harness.eventually import eventually
from tests.harness.installation import Installation
from tests.worker.conftest import working

from rowlock import Context, Rowlock
from rowlock.worker.alone import SHARE, Turns


class Bench:
    """A worker that holds so many attempts, those that wait for their turn among them."""

    def __init__(self, patience_seconds: float = 3_600) -> None:
        self.held = 0
        self.now = 0.0
        self.running: list[str] = []
        self.turns = Turns(lambda: self.held, patience_seconds=patience_seconds, monotonic=lambda: self.now)

    def begin(self, name: str, go: asyncio.Event) -> asyncio.Task[bool]:
        self.held += 1
        return asyncio.create_task(self._run(name, go))

    def end_another(self) -> None:
        self.held -= 1
        self.turns.move()

    async def _run(self, name: str, go: asyncio.Event) -> bool:
        try:
            async with self.turns.alone() as its_turn:
                if its_turn:
                    self.running.append(name)
                    await go.wait()
                    self.running.remove(name)
                return its_turn
        finally:
            self.end_another()


async def test_one_runs_at_a_time_and_only_when_nothing_else_does() -> None:
    bench, go = Bench(), asyncio.Event()
    bench.held = 2
    first, second = bench.begin("first", go), bench.begin("second", asyncio.Event())
    await asyncio.sleep(0)
    assert (bench.running, bench.turns.pending) == ([], True)
    bench.end_another()
    await asyncio.sleep(0)
    assert bench.running == []
    bench.end_another()
    await eventually(lambda: bench.running == ["first"])
    go.set()
    assert await first
    await eventually(lambda: bench.running == ["second"])
    second.cancel()
    await asyncio.wait([second])
    assert (bench.held, bench.turns.pending) == (0, False)


async def test_patience_ends_grows_and_costs_a_tenth_of_the_time() -> None:
    bench, go = Bench(patience_seconds=0.01), asyncio.Event()
    bench.held = 1
    both = asyncio.gather(bench.begin("a", go), bench.begin("b", go))
    await asyncio.sleep(0)
    assert bench.turns.pending
    bench.now = 0.01
    assert await both == [False, False]
    assert not bench.turns.pending
    bench.now += SHARE * 0.01 - 0.001
    assert not await bench.begin("c", go), "its time to wait has not come"
    bench.now += 0.002
    waits = bench.begin("d", go)
    await asyncio.sleep(0)
    assert bench.turns.pending
    bench.end_another()
    go.set()
    assert await waits
    assert bench.turns._patience_seconds == 0.02


async def test_after_patience_has_ended_it_begins_at_once_where_nothing_else_runs() -> None:
    bench, go = Bench(patience_seconds=0.01), asyncio.Event()
    bench.held = 1
    impatient = bench.begin("a", go)
    await asyncio.sleep(0)
    bench.now = 0.01
    assert not await impatient
    bench.end_another()
    first, second = bench.begin("b", go), bench.begin("c", go)
    await eventually(lambda: bench.running != [])
    go.set()
    assert sorted([await first, await second]) == [False, True], "one of two, for they would have to wait"


async def test_who_stands_in_a_line_that_does_not_move_is_put_off_without_penalty() -> None:
    bench, go = Bench(patience_seconds=0.01), asyncio.Event()
    first, second = bench.begin("first", go), bench.begin("second", go)
    await eventually(lambda: bench.running == ["first"])
    bench.now = 0.01
    assert not await second
    go.set()
    assert await first
    assert await bench.begin("third", go), "its patience is what it was"


async def test_one_that_leaves_while_it_waits_lets_the_others_move() -> None:
    bench, go = Bench(), asyncio.Event()
    bench.held = 1
    first, second = bench.begin("first", go), bench.begin("second", go)
    await asyncio.sleep(0)
    first.cancel()
    await asyncio.wait([first])
    bench.end_another()
    await eventually(lambda: bench.running == ["second"])
    go.set()
    assert await second


async def test_one_that_is_cancelled_at_the_moment_of_its_turn_gives_it_on() -> None:
    bench, go = Bench(), asyncio.Event()
    bench.held = 1
    first, second = bench.begin("first", go), bench.begin("second", go)
    await asyncio.sleep(0)
    bench.end_another()  # the turn is the first one's
    first.cancel()
    await asyncio.wait([first])
    await eventually(lambda: bench.running == ["second"])
    go.set()
    assert await second


async def suspect(here: Installation, name: str) -> UUID:
    """A task whose first attempt ended with its worker, so that its second and last one runs alone."""
    task_id = await here.enqueue(name, max_attempts=2)
    await here.claim(lease_seconds=0)
    return task_id


async def test_a_last_attempt_begins_when_its_neighbours_have_ended(app: Rowlock, here: Installation) -> None:
    go, order = asyncio.Event(), []

    @app.task(name="neighbour")
    async def neighbour() -> None:
        await go.wait()
        order.append("neighbour")

    @app.task(name="suspect")
    async def suspected(ctx: Context) -> None:
        rows = await here.query("SELECT alone_token FROM rowlock.tasks_live WHERE id = %(id)s", {"id": ctx.task_id})
        assert rows == [(ctx.lease_token,)]
        order.append("suspect")

    task_id = await suspect(here, "suspect")
    beside = await neighbour.enqueue()
    async with working(app) as worker:
        await eventually(lambda: worker.held.figures.claimed == 2)
        later = await neighbour.enqueue()
        assert await codes(here, task_id) == ["running", "waits_to_run_alone"]
        assert (await later.get()).status == "ready", "while it waits nothing is claimed"
        go.set()
        await beside.wait(timedelta(seconds=20))
        await later.wait(timedelta(seconds=20))
    assert order == ["neighbour", "suspect", "neighbour"]
    assert (await here.task(task_id)).status == "succeeded"


async def test_nothing_is_claimed_beside_it_though_it_came_first(app: Rowlock, here: Installation) -> None:
    runs_alone, beside = False, list[bool]()

    @app.task(name="neighbour")
    async def neighbour() -> None:
        beside.append(runs_alone)

    @app.task(name="suspect")
    async def suspected() -> None:
        nonlocal runs_alone
        runs_alone = True
        for _ in range(20):  # in which the worker might have claimed the others, one by one
            await here.query("SELECT 1")
        runs_alone = False

    await suspect(here, "suspect")
    for _ in range(5):
        await here.enqueue("neighbour")
    async with working(app, claim_batch=1):
        await eventually(lambda: len(beside) == 5)
    assert beside == [False] * 5


async def test_one_whose_task_is_locked_when_its_turn_comes_keeps_the_worker_from_nothing(
    app: Rowlock, here: Installation
) -> None:
    go = asyncio.Event()

    @app.task(name="neighbour")
    async def neighbour(wait: bool) -> None:
        if wait:
            await go.wait()

    @app.task(name="suspect")
    async def suspected() -> None: ...

    task_id = await suspect(here, "suspect")
    await neighbour.enqueue(wait=True)
    async with working(app) as worker:
        await eventually(lambda: worker.held.figures.claimed == 2)
        async with here.database.link() as link, link.transaction():
            await link.query(f"SELECT FROM rowlock.tasks_live WHERE id = '{task_id}' FOR UPDATE")
            go.set()
            await (await neighbour.enqueue(wait=False)).wait(timedelta(seconds=20))
            assert worker.health == ("healthy", None)
        await eventually(lambda: _succeeded(here, task_id))


async def test_when_patience_ends_it_is_put_off_and_the_worker_goes_on(app: Rowlock, here: Installation) -> None:
    go = asyncio.Event()

    @app.task(name="neighbour")
    async def neighbour(wait: bool) -> None:
        if wait:
            await go.wait()

    task_id = await suspect(here, "neighbour")
    await neighbour.enqueue(wait=True)
    async with working(app, lease_seconds=1):
        await eventually(lambda: _put_off(here, task_id))
        await (await neighbour.enqueue(wait=False)).wait(timedelta(seconds=20))
        go.set()
    task = await here.task(task_id)
    assert (task.status, task.attempt) == ("retrying", 1)
    assert await codes(here, task_id) == ["waits_to_run_alone"]
    assert await here.outcomes(task_id) == ["lease_expired", "snoozed"]


async def codes(here: Installation, task_id: UUID) -> list[str]:
    rows = await here.query("SELECT code FROM rowlock.explain_task(%(id)s)", {"id": task_id})
    return [code for (code,) in rows]


async def _succeeded(here: Installation, task_id: UUID) -> bool:
    return (await here.task(task_id)).status == "succeeded"


async def _put_off(here: Installation, task_id: UUID) -> bool:
    return (await here.task(task_id)).reason == "waits_to_run_alone"
