"""How an attempt may end, in each executor."""

from __future__ import annotations

import asyncio
import threading
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest
from tests.harness.eventually import eventually
from tests.harness.installation import Installation
from tests.worker import children
from tests.worker.conftest import working
from tests.worker.test_processes import gone, written

from rowlock import Cancel, Context, Fail, Retry, RetryPolicy, Rowlock, Snooze

SOON = timedelta(seconds=20)
AT_ONCE = RetryPolicy(base=timedelta(milliseconds=1), jitter="none")


async def test_results_come_back(app: Rowlock) -> None:
    @app.task
    async def add(a: int, b: int = 2) -> int:
        return a + b

    @app.task
    def greet(name: str) -> dict[str, str]:
        return {"said": f"hello {name}"}

    @app.task
    async def nothing() -> None: ...

    async with working(app):
        three, hello, none = await add.enqueue(1), await greet.enqueue(name="Ada"), await nothing.enqueue()
        assert await three.result(SOON) == 3
        assert await hello.result(SOON) == {"said": "hello Ada"}
        assert await none.result(SOON) is None


async def test_errors_are_retried_then_buried_with_their_traceback(app: Rowlock, here: Installation) -> None:
    @app.task(max_attempts=3, retry=AT_ONCE)
    async def broken() -> None:
        raise ValueError("no luck")

    async with working(app):
        task = await (await broken.enqueue()).wait(SOON)
    assert (task.status, task.reason, task.error, task.attempt) == (
        "dead",
        "attempts_exhausted",
        "ValueError: no luck",
        3,
    )
    rows = await here.query("SELECT outcome::text, traceback FROM rowlock.executions ORDER BY lease_token")
    assert [row[0] for row in rows] == ["failed"] * 3
    assert 'raise ValueError("no luck")' in rows[0][1]


async def test_what_a_handler_says_is_heeded(app: Rowlock, here: Installation) -> None:
    said: dict[str, int] = {}

    @app.task(retry=AT_ONCE)
    async def speak(word: str) -> str:
        said[word] = said.get(word, 0) + 1
        if said[word] > 1:
            return "done"
        match word:
            case "retry":
                raise Retry(after=timedelta(0))
            case "snooze":
                raise Snooze(timedelta(0))
            case "fail":
                raise Fail("it is hopeless")
            case _:
                raise Cancel("nobody wants it")

    async with working(app):
        ended = {w: await (await speak.enqueue(word=w)).wait(SOON) for w in ("retry", "snooze", "fail", "cancel")}
    assert {w: (t.status, t.attempt) for w, t in ended.items()} == {
        "retry": ("succeeded", 2),
        "snooze": ("succeeded", 1),
        "fail": ("dead", 1),
        "cancel": ("cancelled", 1),
    }
    assert ended["fail"].reason == "failed_for_good"
    assert ended["fail"].error == "it is hopeless"
    assert await here.outcomes(ended["snooze"].id) == ["snoozed", "succeeded"]


async def test_timeouts_end_the_attempt_in_every_executor(app: Rowlock, here: Installation, tmp_path: Path) -> None:
    release, note = threading.Event(), tmp_path / "pid"

    @app.task(timeout=0.2, max_attempts=1)
    async def sleeps() -> None:
        await asyncio.Event().wait()

    @app.task(timeout=0.2, max_attempts=1)
    def hangs() -> None:
        release.wait(30)

    app.declare(children.spin_on, name="spins", executor="process", timeout=1, max_attempts=1)
    async with working(app):
        handles = [await sleeps.enqueue(), await hangs.enqueue(), await app.enqueue("spins", {"note": str(note)})]
        ended = [await handle.wait(SOON) for handle in handles]
        release.set()
    assert [(t.status, t.reason) for t in ended] == [("dead", "attempts_exhausted")] * 3
    assert all(t.error and "longer than its timeout" in t.error for t in ended)
    assert [await here.outcomes(t.id) for t in ended] == [["timed_out"]] * 3
    await gone(await written(note))


async def test_child_processes_return_and_their_death_is_a_failure(app: Rowlock) -> None:
    app.declare(children.square, name="square", executor="process")
    app.declare(children.die, name="die", executor="process", max_attempts=1)
    async with working(app, child_processes=1):
        assert await (await app.enqueue("square", {"n": 12})).result(SOON) == 144
        dead = await (await app.enqueue("die", {"code": 3})).wait(SOON)
    assert dead.status == "dead"
    assert dead.error is not None
    assert "exit code 3" in dead.error


async def test_running_task_is_cancelled_cooperatively(app: Rowlock) -> None:
    begun = asyncio.Event()
    threaded = threading.Event()

    @app.task
    async def waits() -> None:
        begun.set()
        await asyncio.Event().wait()

    @app.task
    def looks(ctx: Context) -> str:
        threaded.set()
        while not ctx.cancelled:
            threading.Event().wait(0.01)
        raise Cancel("as asked")

    async with working(app):
        first, second = await waits.enqueue(), await looks.enqueue()
        await begun.wait()
        await eventually(threaded.is_set)
        assert await app.cancel(first.id) == "cancel_requested"
        assert await app.cancel(second.id) == "cancel_requested"
        assert (await first.wait(SOON)).status == "cancelled"
        assert (await second.wait(SOON)).status == "cancelled"


async def test_payload_that_the_types_refuse_is_buried_with_the_reason(app: Rowlock, here: Installation) -> None:
    @app.task(name="typed")
    async def typed(n: int) -> None: ...

    task_id = await here.enqueue("typed", payload={"n": "many"})
    async with working(app):
        await eventually(lambda: _finished(here, task_id))
    task = await here.task(task_id)
    assert task.status == "dead"
    assert task.error is not None
    assert task.error.startswith("The payload does not fit handler 'typed': n:")


async def test_a_payload_that_a_handler_makes_for_another_task_and_that_is_refused_is_its_error_like_any(
    app: Rowlock, here: Installation
) -> None:
    @app.task(name="child")
    async def child(n: int) -> None: ...

    @app.task(max_attempts=2, retry=AT_ONCE)
    async def parent() -> None:
        await child.enqueue(n="many")  # type: ignore[arg-type]

    async with working(app):
        task = await (await parent.enqueue()).wait(SOON)
    assert (task.status, task.reason, task.attempt) == ("dead", "attempts_exhausted", 2)
    assert "The payload does not fit handler 'child': n:" in str(task.error)
    rows = await here.query("SELECT traceback FROM rowlock.executions")
    assert ['child.enqueue(n="many")' in row[0] for row in rows] == [True] * 2


async def test_a_cancellation_that_nobody_asked_for_is_an_error_like_any(app: Rowlock, here: Installation) -> None:
    """As a client library cancels those who wait for its answers when its connection drops."""

    async def dropped() -> None:
        answer = asyncio.get_running_loop().create_future()
        answer.cancel("the connection dropped")
        await answer

    @app.task(max_attempts=2, retry=AT_ONCE)
    async def waits_for_an_answer() -> None:
        await dropped()

    @app.task(max_attempts=2, retry=AT_ONCE)
    def in_a_thread() -> None:
        raise asyncio.CancelledError

    async with working(app):
        handles = [await waits_for_an_answer.enqueue(), await in_a_thread.enqueue()]
        ended = [await handle.wait(SOON) for handle in handles]
    assert [(t.status, t.reason, t.attempt) for t in ended] == [("dead", "attempts_exhausted", 2)] * 2
    assert all(str(t.error).startswith("RuntimeError: The handler was cancelled from inside") for t in ended)
    rows = await here.query("SELECT traceback FROM rowlock.executions WHERE task_id = %(id)s", {"id": ended[0].id})
    assert all("await dropped()" in row[0] and "the direct cause" in row[0] for row in rows)


async def test_result_that_is_not_json_is_buried_with_the_reason(app: Rowlock) -> None:
    @app.task
    async def odd() -> object:
        return float("nan")

    async with working(app):
        task = await (await odd.enqueue()).wait(SOON)
    assert task.status == "dead"
    assert task.error is not None
    assert "result" in task.error


async def test_task_without_a_handler_waits_with_a_reason(app: Rowlock, here: Installation) -> None:
    async with working(app):
        handle = await app.enqueue("not.deployed")
        await eventually(lambda: _has_reason(here, handle.id, "no_handler"))
    task = await handle.get()
    assert (task.status, task.attempt) == ("scheduled", 0)
    codes = await here.query("SELECT code FROM rowlock.explain_task(%(id)s)", {"id": handle.id})
    assert codes == [("no_handler",)]
    assert await here.outcomes(handle.id) == [], "nothing has begun, and it may be looked at again for weeks"


async def test_task_that_was_left_to_others_runs_within_about_a_minute_of_a_deploy(
    app: Rowlock, here: Installation
) -> None:
    """However often it was looked at in vain. The first time it waits for less: a deploy may be under way."""
    waits = "SELECT extract(epoch FROM visible_at - rowlock.clock())::float FROM rowlock.tasks_live"
    waited = []
    async with working(app):
        handle = await app.enqueue("deployed.late")
        for _ in range(3):
            await eventually(lambda: _has_reason(here, handle.id, "no_handler"))
            await eventually(lambda: _is(here, handle.id, "scheduled"))
            waited += (await here.query(waits))[0]
            await here.query("UPDATE rowlock.tasks_live SET visible_at = rowlock.clock()")
        await eventually(lambda: _is(here, handle.id, "scheduled"))
    assert 5 < waited[0] < 20
    assert all(40 < seconds < 80 for seconds in waited[1:])

    @app.task(name="deployed.late")
    async def deployed() -> str:
        return "late"

    await here.move_clock(timedelta(seconds=80))
    async with working(app):
        assert await handle.result(SOON) == "late"


@pytest.mark.parametrize("concurrency", [1, 3])
async def test_worker_never_holds_more_than_it_can_run(app: Rowlock, here: Installation, concurrency: int) -> None:
    running, most, gate = 0, 0, asyncio.Event()

    @app.task
    async def counted() -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await gate.wait()
        running -= 1

    await counted.enqueue_many([{} for _ in range(20)])
    async with working(app, concurrency=concurrency) as worker:
        await eventually(lambda: running == concurrency)
        rows = await here.query("SELECT count(*) FROM rowlock.tasks_live WHERE status = 'running'")
        assert rows == [(concurrency,)]
        gate.set()
        await eventually(lambda: worker.held.figures.finished == 20)
    assert most == concurrency


async def test_middleware_wraps_and_context_knows(app: Rowlock) -> None:
    seen: list[str] = []

    @app.middleware
    async def outer(ctx: Context, call_next):  # type: ignore[no-untyped-def]
        seen.append(f"outer {ctx.name}")
        result = await call_next()
        seen.append("outer done")
        return result

    @app.middleware
    async def inner(ctx: Context, call_next):  # type: ignore[no-untyped-def]
        seen.append("inner")
        return await call_next()

    @app.task(name="known", timeout=30)
    async def known(ctx: Context) -> dict[str, object]:
        await ctx.progress(1, 2, "half")
        return {"attempt": ctx.attempt, "deadline": ctx.deadline is not None, "id": str(ctx.task_id)}

    async with working(app):
        handle = await known.enqueue()
        assert await handle.result(SOON) == {"attempt": 1, "deadline": True, "id": str(handle.id)}
    assert seen == ["outer known", "inner", "outer done"]
    assert (await handle.get()).progress == {"done": 1, "total": 2, "message": "half"}


async def _finished(here: Installation, task_id: object) -> bool:
    return (await here.task(task_id)).finished  # type: ignore[arg-type]


async def _is(here: Installation, task_id: object, status: str) -> bool:
    return (await here.task(task_id)).status == status  # type: ignore[arg-type]


async def _has_reason(here: Installation, task_id: object, reason: str) -> bool:
    return (await here.task(task_id)).reason == reason  # type: ignore[arg-type]


@pytest.mark.parametrize("what", ["payload", "metadata"])
async def test_what_sql_stored_and_python_cannot_read_fails_its_own_attempts_alone(
    app: Rowlock, here: Installation, what: str
) -> None:
    @app.task(max_attempts=2, retry=AT_ONCE)
    async def read(context: Context, given: float = 0) -> dict[str, object]:
        return dict(context.metadata)

    unreadable = "metadata => '{\"given\": 1e400}'" if what == "metadata" else "payload => '{\"given\": 1e400}'"
    [(poison,)] = await here.query(f"SELECT rowlock.enqueue('{read.name}', {unreadable}, max_attempts => 2)")
    async with working(app):
        handle = await read.options(metadata={"by": "ada"}).enqueue()
        assert await handle.result(SOON) == {"by": "ada"}
        await eventually(lambda: is_dead(here, poison))
        assert "number" in str((await here.task(poison)).error)


async def is_dead(here: Installation, task_id: UUID) -> bool:
    return (await here.task(task_id)).status == "dead"
