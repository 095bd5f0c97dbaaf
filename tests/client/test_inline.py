"""`rowlock.testing.inline`: handlers run at once, as in production, without a database."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from rowlock import Cancel, Context, Fail, Retry, Rowlock, Snooze, TaskNotSucceeded
from rowlock.config import load_settings
from rowlock.domain.errors import (
    AlreadyExists,
    Conflict,
    DuplicateTask,
    IdempotencyKeyReused,
    InvalidPayload,
    NotFound,
    TaskNotCancellable,
    TaskNotRedrivable,
)
from rowlock.handlers.context import CallNext
from rowlock.testing import enqueued, inline


@dataclass
class Order:
    number: int
    day: date


async def test_an_enqueue_runs_its_handler_at_once(bare_app: Rowlock) -> None:
    sent: list[str] = []

    @bare_app.task(queue="mail", tags=["daily"])
    async def send(to: str, copies: int = 1) -> int:
        sent.append(to)
        return copies

    with inline(bare_app) as tasks:
        handle = await send.enqueue(to="ada@example.org")
        assert sent == ["ada@example.org"]
        assert await handle.result() == 1

    (task,) = tasks.tasks
    assert (task.id, task.name, task.status, task.outcomes) == (handle.id, send.name, "succeeded", ["succeeded"])
    assert task.payload == {"to": "ada@example.org"}
    assert (task.request.queue, task.request.tags) == ("mail", ("daily",))
    assert handle.created


def test_a_program_without_a_loop_can_do_the_same(bare_app: Rowlock) -> None:
    @bare_app.task
    async def double(number: int) -> int:
        return 2 * number

    @bare_app.task
    def triple(number: int) -> int:
        return 3 * number

    with inline(bare_app) as tasks:
        double.enqueue_sync(2)
        triple.enqueue_many_sync([{"number": 1}, {"number": 2}])
    assert [task.result for task in tasks.tasks] == [4, 3, 6]


async def test_a_synchronous_call_from_a_running_loop_runs_too(bare_app: Rowlock) -> None:
    @bare_app.task
    async def double(number: int) -> int:
        return 2 * number

    with inline(bare_app) as tasks:
        double.enqueue_sync(2)
    assert tasks.tasks[0].result == 4


async def test_outside_the_block_the_application_is_as_before(bare_app: Rowlock) -> None:
    @bare_app.task
    async def noop() -> None: ...

    before = bare_app.backend
    with inline(bare_app):
        assert bare_app.backend is not before
    assert bare_app.backend is before


async def test_arguments_are_checked_and_go_through_json(bare_app: Rowlock) -> None:
    seen: list[Order] = []

    @bare_app.task
    async def ship(order: Order) -> None:
        seen.append(order)

    order = Order(7, date(2026, 2, 3))
    with inline(bare_app) as tasks:
        await ship.enqueue(order)
        with pytest.raises(InvalidPayload, match="order"):
            await ship.enqueue(order={"number": "seven"})  # type: ignore[arg-type]
        with pytest.raises(InvalidPayload, match="unexpected keyword"):
            await ship.enqueue(order, express=True)  # type: ignore[call-arg]
    assert len(tasks.tasks) == 1
    assert tasks.tasks[0].payload == {"order": {"number": 7, "day": "2026-02-03"}}
    assert seen == [order]
    assert seen[0] is not order


async def test_results_go_through_json_or_are_the_handlers_failure(bare_app: Rowlock) -> None:
    @bare_app.task
    async def answer(what: str) -> Any:
        return {"when": datetime(2026, 2, 3, tzinfo=UTC), "pair": (1, 2)} if what == "json" else object()

    with inline(bare_app) as tasks:
        await answer.enqueue("json")
        with pytest.raises(RuntimeError, match="result"):
            await answer.enqueue("object")
    good, bad = tasks.tasks
    assert good.result == {"when": "2026-02-03T00:00:00+00:00", "pair": [1, 2]}
    assert (bad.status, bad.reason) == ("dead", "failed_for_good")


async def test_a_handler_receives_its_context(bare_app: Rowlock) -> None:
    seen: list[Context] = []

    @bare_app.task(max_attempts=3, timeout=60)
    async def work(ctx: Context, steps: int) -> None:
        seen.append(ctx)
        await ctx.progress(1, steps, "begun")

    with inline(bare_app) as tasks:
        handle = await work.options(metadata={"by": "ada"}, tenant_id="acme").enqueue(2)
    (ctx,), (task,) = seen, tasks.tasks
    assert (ctx.task_id, ctx.attempt, ctx.max_attempts, ctx.tenant_id) == (handle.id, 1, 3, "acme")
    assert ctx.deadline is not None
    assert ctx.metadata == {"by": "ada"}
    assert not ctx.cancelled
    assert task.progress == {"done": 1, "total": 2, "message": "begun"}


def test_a_thread_reports_progress(bare_app: Rowlock) -> None:
    @bare_app.task
    def work(ctx: Context) -> None:
        ctx.progress_sync(1, 2)

    with inline(bare_app) as tasks:
        work.enqueue_sync()
    assert tasks.tasks[0].progress == {"done": 1, "total": 2}


@pytest.mark.parametrize(
    ("said", "status", "outcome", "delay"),
    [
        (Retry(after=timedelta(hours=1)), "retrying", "failed", timedelta(hours=1)),
        (Snooze(timedelta(minutes=5)), "scheduled", "snoozed", timedelta(minutes=5)),
        (Fail("hopeless"), "dead", "failed", None),
        (Cancel("unwanted"), "cancelled", "cancelled", None),
    ],
    ids=["retry", "snooze", "fail", "cancel"],
)
async def test_what_a_handler_says_is_taken_down(
    bare_app: Rowlock, said: Exception, status: str, outcome: str, delay: timedelta | None
) -> None:
    @bare_app.task
    async def speak() -> None:
        raise said

    with inline(bare_app) as tasks:
        await speak.enqueue()
    (task,) = tasks.tasks
    assert (task.status, task.outcomes, task.delay) == (status, [outcome], delay)


async def test_what_a_handler_raises_reaches_the_test(bare_app: Rowlock) -> None:
    @bare_app.task
    async def broken() -> None:
        raise LookupError("no such customer")

    with inline(bare_app) as tasks, pytest.raises(LookupError, match="no such customer"):
        await broken.enqueue()
    (task,) = tasks.tasks
    assert (task.status, task.error) == ("retrying", "LookupError: no such customer")
    assert task.traceback is not None
    assert "broken" in task.traceback


async def test_several_failures_of_a_batch_come_together_after_all_have_run(bare_app: Rowlock) -> None:
    @bare_app.task
    async def odd(number: int) -> None:
        if number % 2 == 0:
            raise ValueError(number)

    with inline(bare_app) as tasks, pytest.raises(BaseExceptionGroup, match="2 inline tasks") as caught:
        await odd.enqueue_many([{"number": number} for number in range(4)])
    assert [error.args for error in caught.value.exceptions] == [(0,), (2,)]
    assert [task.status for task in tasks.tasks] == ["retrying", "succeeded"] * 2


async def test_failures_may_be_only_taken_down_and_run_again(bare_app: Rowlock) -> None:
    @bare_app.task(max_attempts=2)
    async def broken() -> None:
        raise LookupError

    with inline(bare_app, raises=False) as tasks:
        handle = await broken.enqueue()
        (task,) = tasks.tasks
        assert isinstance(task.exception, LookupError)
        assert task.status == "retrying"
        await tasks.run_again(task)
        assert (task.status, task.attempt, task.reason) == ("dead", 2, "attempts_exhausted")
        with pytest.raises(TaskNotSucceeded):
            await handle.result()
        with pytest.raises(Conflict, match="is dead"):
            await tasks.run_again(task)


def test_a_snoozed_task_runs_again_without_having_spent_an_attempt(bare_app: Rowlock) -> None:
    ready = False

    @bare_app.task
    def wait() -> str:
        if not ready:
            raise Snooze(timedelta(days=1))
        return "done"

    with inline(bare_app) as tasks:
        wait.enqueue_sync()
        ready = True
        task = tasks.run_again_sync(tasks.tasks[0])
    assert (task.status, task.attempt, task.outcomes, task.result) == ("succeeded", 1, ["snoozed", "succeeded"], "done")


async def test_a_timeout_is_observed(bare_app: Rowlock) -> None:
    @bare_app.task(timeout=0.01, max_attempts=1)
    async def hang() -> None:
        await asyncio.Event().wait()

    with inline(bare_app) as tasks, pytest.raises(TimeoutError):
        await hang.enqueue()
    assert (tasks.tasks[0].status, tasks.tasks[0].outcomes) == ("dead", ["timed_out"])


async def test_children_run_too_and_know_their_parent(bare_app: Rowlock) -> None:
    @bare_app.task
    async def leaf(number: int) -> int:
        return number * 10

    @bare_app.task
    def twig(number: int) -> None:
        leaf.enqueue_sync(number)

    @bare_app.task
    async def root(ctx: Context) -> list[int]:
        for number in (1, 2):
            await twig.enqueue(number)
        await leaf.enqueue_many([{"number": 3}, {"number": 4}])
        assert await ctx.children() == {"succeeded": 4}
        assert await ctx.children(twig.name) == {"succeeded": 2}
        await asyncio.to_thread(looked_at_from_a_thread, ctx)
        return [child.result async for child in ctx.child_results(leaf.name)]

    def looked_at_from_a_thread(ctx: Context) -> None:
        assert ctx.children_sync(twig.name) == {"succeeded": 2}
        assert [child.result for child in ctx.child_results_sync(leaf.name)] == [30, 40]

    with inline(bare_app) as tasks:
        handle = await root.enqueue()
        assert await handle.result() == [30, 40]
        assert bare_app.children_sync(handle.id) == {"succeeded": 4}
        assert [child.result for child in bare_app.child_results_sync(handle.id, leaf.name)] == [30, 40]
    (trunk,), twigs, leaves = tasks.enqueued(root), tasks.enqueued(twig), tasks.enqueued(leaf)
    assert {task.request.parent_id for task in twigs} == {trunk.id}
    assert [task.request.parent_id for task in leaves] == [twigs[0].id, twigs[1].id, trunk.id, trunk.id]
    assert {task.root_id for task in tasks.tasks} == {trunk.id}


async def test_a_childs_failure_is_not_its_parents(bare_app: Rowlock) -> None:
    @bare_app.task
    async def child() -> None:
        raise ValueError("the child's own")

    @bare_app.task
    async def parent() -> str:
        await child.enqueue()
        return "fine"

    with inline(bare_app) as tasks, pytest.raises(ValueError, match="the child's own"):
        await parent.enqueue()
    assert [(task.status, task.result) for task in tasks.tasks] == [("succeeded", "fine"), ("retrying", None)]


async def test_a_handler_that_enqueues_itself_without_end_is_stopped(bare_app: Rowlock) -> None:
    @bare_app.task
    async def again() -> None:
        await again.enqueue()

    with inline(bare_app) as tasks, pytest.raises(RecursionError, match="enqueue itself"):
        await again.enqueue()
    assert len(tasks.tasks) == 100


async def test_tasks_for_handlers_elsewhere_are_only_taken_down(bare_app: Rowlock) -> None:
    with inline(bare_app) as tasks:
        await bare_app.enqueue("billing.invoice", {"customer": 7}, queue="billing", delay=60)
    (task,) = tasks.enqueued("billing.invoice")
    assert (task.status, task.payload, task.request.queue) == ("ready", {"customer": 7}, "billing")
    assert task.request.delay == timedelta(minutes=1)


async def test_idempotency_keys_answer_as_in_production(bare_app: Rowlock) -> None:
    @bare_app.task
    async def pay(amount: int) -> None: ...

    with inline(bare_app) as tasks:
        once = pay.options(idempotency_key="invoice-1")
        first, second = await once.enqueue(5), await once.enqueue(5)
        assert (first.id, first.created, second.id, second.created) == (first.id, True, first.id, False)
        with pytest.raises(IdempotencyKeyReused, match="invoice-1"):
            await once.enqueue(6)
        await pay.options(idempotency_key="invoice-1", tenant_id="acme").enqueue(6)
    assert len(tasks.tasks) == 2


async def test_unique_keys_hold_until_the_task_ends(bare_app: Rowlock) -> None:
    asked: list[int] = []

    @bare_app.task
    async def refresh(number: int) -> None:
        asked.append(number)
        if len(asked) == 1:
            raise Snooze(timedelta(minutes=1))

    with inline(bare_app) as tasks:
        unique = refresh.options(unique_key=lambda arguments: "page")
        first = await unique.enqueue(1)
        assert (await unique.enqueue(2)).id == first.id
        assert not (await refresh.options(unique_key="page", on_duplicate="replace").enqueue(3)).created
        with pytest.raises(DuplicateTask):
            await refresh.options(unique_key="page", on_duplicate="refuse").enqueue(4)
        await tasks.run_again(tasks.tasks[0])
        assert asked == [1, 3]
        assert (await unique.enqueue(5)).created


async def test_a_batch_that_is_refused_leaves_nothing(bare_app: Rowlock) -> None:
    @bare_app.task
    async def noop(number: int) -> None: ...

    taken = uuid4()
    with inline(bare_app) as tasks:
        await noop.options(id=taken).enqueue(0)
        with pytest.raises(AlreadyExists):
            await noop.options(id=taken).enqueue(1)
        with pytest.raises(InvalidPayload):
            await noop.enqueue_many([{"number": 2}, {"number": "many"}])
    assert [task.payload for task in tasks.tasks] == [{"number": 0}]


async def test_cancel_and_redrive_are_answered(bare_app: Rowlock) -> None:
    outcomes: list[Exception] = [Fail("first"), Snooze(timedelta(1))]

    @bare_app.task
    async def speak() -> None:
        raise outcomes.pop(0)

    with inline(bare_app) as tasks:
        handle = await speak.enqueue()
        with pytest.raises(TaskNotCancellable):
            await bare_app.cancel(handle.id)
        await bare_app.redrive(handle.id)
        assert tasks.tasks[0].status == "scheduled"
        assert (await handle.get()).finished_at is None
        with pytest.raises(TaskNotRedrivable):
            await bare_app.redrive(handle.id)
        assert await bare_app.cancel(handle.id, reason="enough") == "cancelled"
        record = await handle.get()
        assert record.status == "cancelled"
        assert record.finished_at is not None
        with pytest.raises(NotFound):
            await bare_app.get(uuid4())


async def test_a_running_task_can_be_cancelled(bare_app: Rowlock) -> None:
    running = asyncio.Event()

    @bare_app.task
    async def hang() -> None:
        running.set()
        await asyncio.Event().wait()

    with inline(bare_app) as tasks:
        enqueueing = asyncio.create_task(hang.enqueue())
        await running.wait()
        assert await bare_app.cancel(tasks.tasks[0].id) == "cancel_requested"
        await enqueueing
    assert tasks.tasks[0].status == "cancelled"


async def test_process_handlers_run_in_a_thread(bare_app: Rowlock) -> None:
    @bare_app.task(executor="process")
    def crunch(number: int) -> int:
        return number + 1

    with inline(bare_app) as tasks:
        await crunch.enqueue(1)
    assert tasks.tasks[0].result == 2


async def test_middleware_surrounds_the_handler_and_async_with_enters_the_lifespan() -> None:
    said: list[str] = []

    @asynccontextmanager
    async def lifespan(_: Rowlock) -> AsyncIterator[None]:
        said.append("up")
        yield
        said.append("down")

    app = Rowlock(settings=load_settings(database_url="postgresql://nobody@127.0.0.1:1/none"), lifespan=lifespan)

    @app.middleware
    async def loud(ctx: Context, call_next: CallNext) -> Any:
        said.append(f"before {ctx.name}")
        return (await call_next()) + 1

    @app.task(name="one")
    async def one() -> int:
        said.append("one")
        return 1

    async with inline(app) as tasks:
        await one.enqueue()
    assert said == ["up", "before one", "one", "down"]
    assert tasks.tasks[0].result == 2

    with inline(app):  # does not
        await one.enqueue()
    assert said[4:] == ["before one", "one"]


async def test_enqueued_asks_by_name_and_by_arguments(bare_app: Rowlock) -> None:
    @bare_app.task
    async def send(to: str, day: date | None = None) -> None: ...

    @bare_app.task
    async def other() -> None: ...

    with inline(bare_app) as tasks:
        await send.enqueue(to="ada", day=date(2026, 2, 3))
        await send.enqueue(to="bob")
        await other.enqueue()
        assert len(await enqueued(bare_app)) == 3
        assert [task.payload["to"] for task in await enqueued(bare_app, send)] == ["ada", "bob"]
        assert [task.status for task in await enqueued(bare_app, send, to="ada", day=date(2026, 2, 3))] == ["succeeded"]
        assert await enqueued(bare_app, send.name, to="eve") == []
        assert await enqueued(bare_app, other, to="ada") == []
    assert [task.name for task in tasks.enqueued(to="bob")] == [send.name]
