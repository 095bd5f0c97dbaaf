"""`rowlock.testing.drain` and its neighbours: a real worker, a real database, time that the test moves."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest
from tests.harness.installation import Installation, settings_for

from rowlock import Cancel, Context, Fail, RetryPolicy, Rowlock, Snooze
from rowlock.config import load_settings
from rowlock.domain.errors import ConfigurationError, InvalidArgument
from rowlock.testing import advance_clock, drain, drain_sync, enqueued, on_database


async def test_draining_runs_what_is_due_and_what_that_enqueues(app: Rowlock) -> None:
    @app.task(queue="leaves")
    async def leaf(number: int) -> int:
        return number

    @app.task
    async def root() -> None:
        await leaf.enqueue_many([{"number": number} for number in range(5)])

    await root.enqueue()
    assert await drain(app) == {"succeeded": 6}
    assert [task.result for task in await enqueued(app, leaf)] == list(range(5))
    assert await drain(app) == {}


async def test_outcomes_are_counted(app: Rowlock) -> None:
    @app.task(retry=RetryPolicy(base=timedelta(hours=1), cap=timedelta(hours=1), jitter="none"))
    async def speak(word: str) -> None:
        match word:
            case "raise":
                raise ValueError
            case "fail":
                raise Fail("hopeless")
            case "snooze":
                raise Snooze(timedelta(hours=1))
            case "cancel":
                raise Cancel

    await speak.enqueue_many([{"word": word} for word in ("raise", "fail", "snooze", "cancel", "return")])
    counts = await drain(app)
    assert counts == {"failed": 2, "snoozed": 1, "cancelled": 1, "succeeded": 1}
    assert counts["timed_out"] == 0


async def test_what_is_due_later_waits_until_the_clock_is_advanced(app: Rowlock) -> None:
    @app.task(max_attempts=2, retry=RetryPolicy(base=timedelta(minutes=1), jitter="none"))
    async def broken() -> None:
        raise ValueError

    @app.task
    async def later() -> None: ...

    handle = await broken.enqueue()
    await later.options(delay=timedelta(days=2)).enqueue()
    assert await drain(app) == {"failed": 1}
    assert (await handle.get()).status == "retrying"
    assert await drain(app, advance=timedelta(seconds=59)) == {}
    assert await drain(app, advance=timedelta(seconds=2)) == {"failed": 1}
    assert (await handle.get()).status == "dead"
    assert await drain(app, advance=timedelta(days=2)) == {"succeeded": 1}


async def test_only_the_queues_asked_for_are_drained(app: Rowlock) -> None:
    @app.task(queue="mine")
    async def mine() -> None: ...

    @app.task(queue="theirs")
    async def theirs() -> None: ...

    await mine.enqueue()
    await theirs.enqueue()
    assert await drain(app, queues=["mine"]) == {"succeeded": 1}
    assert [task.status for task in await enqueued(app, theirs)] == ["ready"]


async def test_a_paused_queue_is_left_alone(app: Rowlock, here: Installation) -> None:
    @app.task
    async def noop() -> None: ...

    await noop.enqueue()
    await here.query("SELECT rowlock.pause_queue('default')")
    assert await drain(app) == {}


async def test_what_hangs_is_named_when_the_patience_ends(app: Rowlock) -> None:
    @app.task(name="hang")
    async def hang() -> None:
        await asyncio.Event().wait()

    handle = await hang.enqueue()
    with pytest.raises(TimeoutError, match=r"1 hang \(running\)"):
        await drain(app, timeout=timedelta(seconds=0.5))
    assert (await handle.get()).status == "ready", "given back"


async def test_draining_enters_the_lifespan(database_url: str) -> None:
    state: list[str] = []

    @asynccontextmanager
    async def lifespan(_: Rowlock) -> AsyncIterator[None]:
        state.append("up")
        yield
        state.append("down")

    app = Rowlock(settings=settings_for(database_url), lifespan=lifespan)

    @app.task
    async def look() -> None:
        state.append("ran")

    async with app:
        await look.enqueue()
        await drain(app)
    assert state == ["up", "ran", "down"]


def test_synchronous_tests_drain_too(database_url: str) -> None:
    app = Rowlock(settings=settings_for(database_url))

    @app.task
    def double(number: int) -> int:
        return 2 * number

    double.enqueue_sync(2)
    assert drain_sync(app) == {"succeeded": 1}
    assert drain_sync(app, advance=timedelta(hours=1)) == {}
    assert [task.result for task in asyncio.run(enqueued(app, double, number=2))] == [4]
    app.close_sync()


async def test_an_application_without_handlers_cannot_be_drained(app: Rowlock) -> None:
    with pytest.raises(ConfigurationError, match="declares no handlers"):
        await drain(app)


async def test_the_clock_only_goes_forward(app: Rowlock) -> None:
    with pytest.raises(InvalidArgument, match="cannot go back"):
        await advance_clock(app, timedelta(seconds=-1))


async def test_a_deadline_goes_by_the_moved_clock(app: Rowlock, here: Installation) -> None:
    seen: list[Context] = []

    @app.task(timeout=60)
    async def look(ctx: Context) -> None:
        seen.append(ctx)

    await look.enqueue()
    assert await drain(app, advance=timedelta(days=1)) == {"succeeded": 1}
    now = (await here.query("SELECT now()"))[0][0]
    assert seen[0].deadline is not None
    assert timedelta(hours=23) < seen[0].deadline - now < timedelta(hours=25)


async def test_enqueued_finds_by_arguments(app: Rowlock) -> None:
    @app.task
    async def send(to: str, copies: int = 1) -> None: ...

    await send.enqueue(to="ada", copies=2)
    await send.enqueue(to="bob")
    await drain(app)
    assert [task.payload for task in await enqueued(app, send)] == [{"to": "ada", "copies": 2}, {"to": "bob"}]
    assert [task.status for task in await enqueued(app, send, to="ada", copies=2)] == ["succeeded"]
    assert await enqueued(app, send, to="ada", copies=3) == []
    assert await enqueued(app, "other") == []
    assert len(await enqueued(app)) == 2


async def test_an_application_is_pointed_to_a_tests_database_and_back(database_url: str) -> None:
    app = Rowlock(settings=load_settings(database_url="postgresql://nobody@127.0.0.1:1/none", connect_seconds=0.1))

    @app.task
    async def noop() -> None: ...

    async with on_database(app, database_url):
        await noop.enqueue()
        noop.enqueue_sync()
        assert await drain(app) == {"succeeded": 2}
    assert app.settings.database_url == "postgresql://nobody@127.0.0.1:1/none"
    assert app.backend is not None

    with on_database(app, database_url):
        noop.enqueue_sync()
