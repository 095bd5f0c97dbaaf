"""An application's transaction may lock a running task for longer than a lease: nothing else waits, or runs twice."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from uuid import UUID

from tests.harness.eventually import eventually
from tests.harness.installation import Installation
from tests.worker.conftest import working

from rowlock import Context, Rowlock

LEASE_SECONDS = 1
SOON = timedelta(seconds=20)


class Runs:
    """A handler whose tasks end when they are let go, and how often each has run."""

    def __init__(self, app: Rowlock) -> None:
        self.of: Counter[str] = Counter()
        self.go: dict[str, asyncio.Event] = {}

        @app.task(name="noted")
        async def noted(word: str) -> None:
            self.of[word] += 1
            if word in self.go:
                await self.go[word].wait()

        self.enqueue = noted.enqueue

    async def held(self, word: str) -> UUID:
        """A task that runs until it is let go."""
        self.go[word] = asyncio.Event()
        handle = await self.enqueue(word=word)
        await eventually(lambda: self.of[word] == 1)
        return handle.id


@asynccontextmanager
async def transaction(here: Installation, sql: str) -> AsyncIterator[None]:
    """An application that stays in a transaction for the length of the block."""
    async with here.database.link() as link, link.transaction():
        await link.query(sql)
        yield


async def leases_pass(here: Installation, how_many: int) -> None:
    """Returns when so many leases' time is over, by the database's clock."""
    ((over,),) = await here.query(
        "SELECT rowlock.clock() + make_interval(secs => %(seconds)s)", {"seconds": how_many * LEASE_SECONDS}
    )

    async def is_over() -> bool:
        return bool((await here.query("SELECT rowlock.clock() > %(over)s", {"over": over}))[0][0])

    await eventually(is_over)


async def succeeded(here: Installation) -> int:
    rows = await here.query("SELECT count(*) FROM rowlock.tasks WHERE status = 'succeeded'")
    return int(rows[0][0])


async def test_all_others_are_recorded_meanwhile_and_none_runs_twice(app: Rowlock, here: Installation) -> None:
    runs, others = Runs(app), 200
    quick = {"lease_seconds": LEASE_SECONDS, "concurrency": 20, "finish_batch": 10}
    async with working(app, **quick), working(app, **quick):
        task_id = await runs.held("locked")
        async with transaction(here, f"SELECT FROM rowlock.tasks_live WHERE id = '{task_id}' FOR UPDATE"):
            runs.go["locked"].set()
            for number in range(others):
                await runs.enqueue(word=str(number))
            await eventually(lambda: _all_succeeded(here, others))
            await leases_pass(here, 2)
            assert (await here.task(task_id)).status == "running"
        await eventually(lambda: _all_succeeded(here, others + 1))
    assert set(runs.of.values()) == {1}
    assert len(runs.of) == others + 1


async def test_a_cancellation_in_a_long_transaction_reaches_a_task_that_has_ended(
    app: Rowlock, here: Installation
) -> None:
    runs = Runs(app)
    async with working(app, lease_seconds=LEASE_SECONDS), working(app, lease_seconds=LEASE_SECONDS):
        task_id = await runs.held("cancelled")
        async with transaction(here, f"SELECT rowlock.cancel('{task_id}')"):
            runs.go["cancelled"].set()
            await leases_pass(here, 2)
        await eventually(lambda: _all_succeeded(here, 1))
    assert runs.of == {"cancelled": 1}


async def test_steps_and_progress_of_a_locked_task_hold_up_nobody_else_s(app: Rowlock, here: Installation) -> None:
    """Not even where the worker has a single connection for them. The step is kept when the lock is gone."""
    begun, go, taken = asyncio.Event(), asyncio.Event(), Counter[str]()

    async def take(word: str) -> str:
        taken[word] += 1
        return word

    @app.task(name="reports", max_attempts=1)
    async def reports(ctx: Context, word: str) -> str:
        if word == "locked":
            begun.set()
            await go.wait()
        await ctx.progress(1)
        return await ctx.step("one", take, word)

    async with working(app, pool_max=1) as worker:
        locked = await reports.enqueue(word="locked")
        await begun.wait()
        async with transaction(here, f"SELECT FROM rowlock.tasks_live WHERE id = '{locked.id}' FOR UPDATE"):
            go.set()
            await eventually(lambda: taken["locked"])
            for _ in range(5):
                assert await (await reports.enqueue(word="other")).result(SOON) == "other"
            task = await here.task(locked.id)
            assert (task.status, task.progress) == ("running", None)
            assert worker.health == ("healthy", None)
        task = await locked.wait(SOON)
    assert (task.status, taken["locked"]) == ("succeeded", 1)


REFUSE = (
    "CREATE OR REPLACE FUNCTION rowlock.refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
    " RAISE 'no space left' USING ERRCODE = '53100'; END $$"
)
ALLOW = "CREATE OR REPLACE FUNCTION rowlock.refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$"


async def test_what_has_ended_and_cannot_be_written_keeps_its_lease(app: Rowlock, here: Installation) -> None:
    """The history takes no row for longer than a lease."""
    runs = Runs(app)
    await here.query(REFUSE)
    await here.query(
        "CREATE TRIGGER refuse BEFORE INSERT ON rowlock.tasks FOR EACH ROW WHEN (NEW.status = 'succeeded')"
        " EXECUTE FUNCTION rowlock.refuse()"
    )
    async with working(app, lease_seconds=LEASE_SECONDS), working(app, lease_seconds=LEASE_SECONDS):
        await runs.held("one")
        runs.go["one"].set()
        await leases_pass(here, 4)
        await here.query(ALLOW)
        await eventually(lambda: _all_succeeded(here, 1))
    assert runs.of == {"one": 1}


async def test_a_worker_that_stops_waits_for_what_is_locked(app: Rowlock, here: Installation) -> None:
    runs = Runs(app)
    async with working(app, concurrency=2) as worker:
        task_id = await runs.held("locked")
        async with transaction(here, f"SELECT FROM rowlock.tasks_live WHERE id = '{task_id}' FOR UPDATE"):
            runs.go["locked"].set()
            await (await runs.enqueue(word="other")).wait(timedelta(seconds=20))
            worker.stop()
            await eventually(lambda: not worker.held.attempts)
            assert len(worker.held.finisher) == 1
    assert await succeeded(here) == 2


async def _all_succeeded(here: Installation, how_many: int) -> bool:
    return await succeeded(here) == how_many
