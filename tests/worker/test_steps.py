"""Durable steps in a running worker: each runs once, a retry goes on after the last that finished."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import pytest
from tests.harness.eventually import eventually
from tests.harness.installation import Installation
from tests.worker import children
from tests.worker.conftest import working

from rowlock import Context, Fail, RetryPolicy, Rowlock, Snooze
from rowlock.domain.errors import DatabaseUnavailable
from rowlock.domain.trouble import Trouble
from rowlock.handlers import steps as handler_steps
from rowlock.store import steps as stored_steps
from rowlock.worker.child import Call, run_in_child

SOON = timedelta(seconds=60)
AT_ONCE = RetryPolicy(base=timedelta(milliseconds=1), jitter="none", max_attempts=4)


@dataclass(frozen=True)
class Receipt:
    """What a step may return: no JSON, and yet it comes back as it was."""

    order: int
    paid_on: date


@pytest.fixture
def ran() -> Counter[str]:
    """How often each thing ran."""
    return Counter()


async def labels(here: Installation) -> list[tuple[str, int]]:
    return await here.query("SELECT step, attempt FROM rowlock.task_steps ORDER BY recorded_at, step")


async def test_a_retry_goes_on_after_the_last_finished_step(
    app: Rowlock, here: Installation, ran: Counter[str]
) -> None:
    async def charge(order: int, *, currency: str) -> Receipt:
        ran["charge"] += 1
        return Receipt(order, date(2026, 2, 3))

    def pack(order: int) -> list[str]:
        assert threading.current_thread() is not threading.main_thread()  # it may block
        ran["pack"] += 1
        return ["box"] * order

    async def ship() -> None:
        ran["ship"] += 1
        if ran["ship"] < 3:
            raise ConnectionError("no lorry")

    @app.task(retry=AT_ONCE)
    async def fulfil(ctx: Context, order: int) -> list[Any]:
        receipt = await ctx.step("charge", charge, order, currency="EUR")
        assert receipt == Receipt(order, date(2026, 2, 3))
        boxes = await ctx.step("pack", pack, order)
        shipped = await ctx.step("ship", ship)
        return [receipt.order, boxes, shipped, ctx.attempt]

    async with working(app):
        handle = await fulfil.enqueue(2)
        assert await handle.result(SOON) == [2, ["box", "box"], None, 3]
    assert ran == {"charge": 1, "pack": 1, "ship": 3}
    assert await labels(here) == [("charge", 1), ("pack", 1), ("ship", 3)]


async def test_a_name_used_again_is_another_step_in_the_order_of_the_calls(
    app: Rowlock, here: Installation, ran: Counter[str]
) -> None:
    async def fetch(page: int, key: str) -> list[object]:
        ran[f"page {page}"] += 1
        await asyncio.sleep(0)
        return [page, key]

    @app.task(retry=AT_ONCE)
    async def crawl(ctx: Context) -> list[Any]:
        calls = [ctx.step("fetch", fetch, page, ctx.step_key("fetch")) for page in range(3)]
        found = await asyncio.gather(*reversed(calls))  # awaited in another order than they were called
        if ctx.attempt == 1:
            raise ConnectionError
        return found

    async with working(app):
        handle = await crawl.enqueue()
        names = ["fetch", "fetch#2", "fetch#3"]
        assert await handle.result(SOON) == [[page, f"{handle.id}/{names[page]}"] for page in (2, 1, 0)]
    assert ran == {"page 0": 1, "page 1": 1, "page 2": 1}
    assert sorted(await labels(here)) == [(name, 1) for name in names]


async def test_handlers_in_threads_take_steps_too(app: Rowlock, here: Installation, ran: Counter[str]) -> None:
    def plain(number: int) -> int:
        ran["plain"] += 1
        return number

    async def on_the_loop(number: int) -> int:
        ran["async"] += 1
        await asyncio.sleep(0)
        return number

    @app.task(retry=AT_ONCE)
    def work(ctx: Context) -> list[Any]:
        found = [ctx.step_sync("plain", plain, 1), ctx.step_sync("async", on_the_loop, number=2)]
        keys = ctx.step_sync("keys", lambda: [ctx.step_key("keys"), ctx.step_key("plain")])
        if ctx.attempt == 1:
            raise ConnectionError
        return [*found, *keys]

    async with working(app):
        handle = await work.enqueue()
        assert await handle.result(SOON) == [1, 2, f"{handle.id}/keys", f"{handle.id}/plain#2"]
    assert ran == {"plain": 1, "async": 1}


@pytest.mark.parametrize("exits", [SystemExit(3), KeyboardInterrupt()], ids=repr)
async def test_a_step_that_would_end_the_process_fails_its_attempt_and_nothing_else(
    app: Rowlock, exits: BaseException
) -> None:
    """Also where the step is an asyncio task of its own, which asyncio does not keep such an exception in."""

    def leave() -> None:
        raise exits

    async def leave_later() -> None:
        await asyncio.sleep(0)
        raise exits

    @app.task(max_attempts=1)
    async def gathers(ctx: Context, later: bool) -> None:
        await asyncio.gather(ctx.step("leave", leave_later if later else leave), ctx.step("stay", lambda: 1))

    @app.task(max_attempts=1)
    def in_a_thread(ctx: Context, step: bool) -> None:
        if step:
            ctx.step_sync("leave", leave_later)
        ctx.wait_for(leave_later())

    async with working(app):
        handles = [await gathers.enqueue(later) for later in (False, True)]
        handles += [await in_a_thread.enqueue(step) for step in (False, True)]
        for handle in handles:
            task = await handle.wait(SOON)
            assert task.status == "dead"
            assert f"raised {exits!r}." in str(task.error)


async def test_a_redriven_and_a_snoozed_task_go_on_after_their_steps(app: Rowlock, ran: Counter[str]) -> None:
    @app.task(max_attempts=1)
    async def work(ctx: Context) -> str:
        await ctx.step("one", lambda: ran.update(["one"]))
        match ran.total():
            case 1:
                ran["snooze"] += 1
                raise Snooze(timedelta(0))
            case 2:
                ran["die"] += 1
                raise Fail("not yet")
        return await ctx.step("two", lambda: "done")

    async with working(app):
        handle = await work.enqueue()
        assert (await handle.wait(SOON)).status == "dead"
        await app.redrive(handle.id)
        assert await handle.result(SOON) == "done"
    assert ran == {"one": 1, "snooze": 1, "die": 1}


@pytest.mark.parametrize(
    ("returned", "said"),
    [
        (object(), "holds a object, which JSON does not know"),
        (float("nan"), "holds the number nan"),
        ("x" * 200, "has 202 bytes, but may have at most 100. Keep it elsewhere"),
    ],
    ids=["not JSON", "not a number", "too large"],
)
async def test_a_result_that_cannot_be_kept_is_not_run_again_but_buried(
    app: Rowlock, here: Installation, ran: Counter[str], returned: object, said: str
) -> None:
    def effect() -> Any:
        ran["effect"] += 1
        return returned

    @app.task(retry=AT_ONCE)
    async def work(ctx: Context) -> None:
        await ctx.step("effect", effect)

    async with working(app, max_step_bytes=100):
        handle = await work.enqueue()
        task = await handle.wait(SOON)
    assert (task.status, task.reason) == ("dead", "failed_for_good")
    assert task.error is not None
    assert task.error.startswith(f"The result of step 'effect' of task {handle.id} {said}")
    assert ran == {"effect": 1}
    assert await labels(here) == []


async def test_a_result_that_no_longer_fits_is_told_so(app: Rowlock, ran: Counter[str]) -> None:
    async def before() -> str:
        return "text"

    async def after() -> Receipt:
        raise AssertionError

    @app.task(retry=AT_ONCE)
    async def work(ctx: Context) -> None:
        await ctx.step("charge", before if ctx.attempt == 1 else after)
        raise ConnectionError

    async with working(app):
        task = await (await work.enqueue()).wait(SOON)
    assert (task.status, task.attempt) == ("dead", 2)
    assert "is not what the function says to return" in str(task.error)


async def test_no_task_takes_more_steps_than_may_be_read_at_once(
    app: Rowlock, ran: Counter[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handler_steps, "MAX_STEPS", 3)

    @app.task(retry=AT_ONCE)
    async def work(ctx: Context) -> None:
        for number in range(5):
            await ctx.step("turn", lambda: ran.update(["turn"]))
            if number == 1 and ctx.attempt == 1:
                raise ConnectionError

    async with working(app):
        task = await (await work.enqueue()).wait(SOON)
    assert (task.status, task.attempt) == ("dead", 2)
    assert "no task may have more" in str(task.error)
    assert ran == {"turn": 3}


async def test_what_cannot_take_steps_says_so(app: Rowlock, here: Installation) -> None:
    @app.task(max_attempts=1)
    async def blocks(ctx: Context) -> None:
        ctx.step_sync("one", lambda: 1)

    @app.task(max_attempts=1)
    async def misnames(ctx: Context) -> None:
        await ctx.step("charge #2", lambda: 1)

    async with working(app):
        handles = [await blocks.enqueue(), await misnames.enqueue()]
        errors = [(await handle.wait(SOON)).error or "" for handle in handles]
    assert "would block the worker's event loop" in errors[0]
    assert "The field step is 'charge #2'" in errors[1]
    assert await labels(here) == []


def test_a_handler_in_a_child_process_cannot_take_steps_and_says_so() -> None:
    """As the child runs it; that there is a child makes no difference."""
    known = {
        "task_id": UUID(int=1), "tenant_id": "default", "queue": "default", "name": "child", "attempt": 1,
        "max_attempts": 1, "metadata": {}, "deadline": None, "lease_token": 1, "workflow_id": None,
    }  # fmt: skip
    with pytest.raises(RuntimeError, match="child processes cannot report progress or take steps"):
        run_in_child(Call(children.__name__, "take_a_step", known, True, {}))


async def test_a_task_without_steps_asks_for_none(app: Rowlock, here: Installation) -> None:
    """The table may be gone, and nothing that takes no step would notice."""
    await here.query("DROP VIEW rowlock.task_steps")
    await here.query("DROP TABLE rowlock.steps")

    @app.task
    async def work(ctx: Context) -> int:
        await ctx.progress(1)
        return ctx.attempt

    async with working(app):
        assert await (await work.enqueue()).result(SOON) == 1


async def test_a_step_that_the_database_refuses_is_said_and_goes_on_when_it_takes_it(
    app: Rowlock, here: Installation, caplog: pytest.LogCaptureFixture
) -> None:
    """That it takes those of another task is no sign that all is well."""

    @app.task(name="work", max_attempts=1)
    async def work(ctx: Context) -> str:
        return await ctx.step("one", lambda: "done")

    await here.query(
        "CREATE FUNCTION rowlock.refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        " RAISE 'no space left' USING ERRCODE = '53100'; END $$"
    )
    refused = await work.enqueue()
    await here.query(
        "CREATE TRIGGER refuse BEFORE INSERT ON rowlock.steps FOR EACH ROW"
        f" WHEN (NEW.task_id = '{refused.id}') EXECUTE FUNCTION rowlock.refuse()"
    )
    async with working(app) as worker:
        await eventually(lambda: worker.condition.ailments)
        assert await (await work.enqueue()).result(SOON) == "done"
        assert (worker.health[0], worker.condition.ailments[0].kind) == ("degraded", "disk-full")
        said = "A step waits: the database does not take it."
        assert [said in line and f"task_id='{refused.id}'" in line for line in caplog.messages].count(True) == 1
        await here.query("DROP TRIGGER refuse ON rowlock.steps")
        assert await refused.result(SOON) == "done"
        await eventually(lambda: worker.health == ("healthy", None))


async def test_a_task_whose_steps_cannot_be_read_says_so(
    app: Rowlock, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    load, gone = stored_steps.load_steps, asyncio.Event()

    async def refuse(*about: Any) -> Any:
        if not gone.is_set():
            raise DatabaseUnavailable("Too many clients.", trouble=Trouble.TOO_MANY_CONNECTIONS)
        return await load(*about)

    @app.task(max_attempts=1)
    async def work(ctx: Context) -> str:
        return await ctx.step("one", lambda: "done")

    monkeypatch.setattr(stored_steps, "load_steps", refuse)
    async with working(app) as worker:
        handle = await work.enqueue()
        await eventually(lambda: worker.health == ("degraded", "Too many clients."))
        assert "A task waits for its steps" in caplog.text
        gone.set()
        assert await handle.result(SOON) == "done"
        await eventually(lambda: worker.health == ("healthy", None))


async def test_an_attempt_that_is_stopped_takes_the_trouble_with_its_step_along(
    app: Rowlock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(*about: Any, **more: Any) -> Any:
        raise DatabaseUnavailable("No space.", trouble=Trouble.DISK_FULL)

    @app.task
    async def work(ctx: Context) -> str:
        return await ctx.step("one", lambda: "done")

    monkeypatch.setattr(stored_steps, "record_step", refuse)
    async with working(app, cancel_grace_seconds=0) as worker:
        handle = await work.enqueue()
        await eventually(lambda: worker.health[0] == "degraded")
        await app.cancel(handle.id)
        assert (await handle.wait(SOON)).status == "cancelled"
        await eventually(lambda: worker.health == ("healthy", None))
