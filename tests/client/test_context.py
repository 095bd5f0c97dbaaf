"""What a handler knows, what its tasks inherit, and what surrounds it: traces, executors, middleware, lifespan."""

from __future__ import annotations

import asyncio
import itertools
import os
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from tests.client import crunching
from tests.harness.installation import settings_for

from rowlock import Context, Rowlock, Snooze, Task
from rowlock.handlers.context import CallNext
from rowlock.telemetry import tracing
from rowlock.testing import drain, enqueued


@pytest.fixture
def leaf(app: Rowlock) -> Task[..., Any]:
    @app.task(name="leaf", queue="leaves")
    async def leaf(number: int) -> int:
        return number

    return leaf


async def test_tasks_of_a_handler_know_their_parent_and_their_root(app: Rowlock, leaf: Task[..., Any]) -> None:
    @app.task(name="twig")
    def twig(number: int) -> None:
        leaf.enqueue_sync(number)

    @app.task(name="root")
    async def root() -> None:
        await twig.enqueue(1)
        await leaf.enqueue_many([{"number": 2}, {"number": 3}])
        await app.enqueue("elsewhere", queue="elsewhere")
        await asyncio.gather(*(leaf.enqueue(number) for number in (4, 5)))

    first, second = await root.enqueue(), await root.enqueue()
    assert await drain(app) == {"succeeded": 2 + 2 + 2 * 5}
    roots = {first.id, second.id}
    for task in await enqueued(app):
        match task.name, task.payload:
            case "root", _:
                assert (task.parent_id, task.workflow_id) == (None, None)
            case "leaf", {"number": 1}:
                parent = await app.get(task.parent_id or UUID(int=0))
                assert parent.name == "twig"
                assert task.workflow_id == parent.workflow_id
            case _:
                assert task.parent_id in roots
                assert task.workflow_id == task.parent_id
    assert await app.children(first.id) == {"succeeded": 5, "ready": 1}
    assert await app.children(first.id, "leaf") == {"succeeded": 4}
    assert [child.result async for child in app.child_results(first.id, "leaf")] == [2, 3, 4, 5]
    assert app.children_sync(first.id, "leaf") == {"succeeded": 4}
    assert [child.result for child in app.child_results_sync(first.id, "leaf")] == [2, 3, 4, 5]


async def test_a_handler_in_a_thread_sees_its_tasks_children(app: Rowlock, leaf: Task[..., Any]) -> None:
    @app.task(name="root", max_attempts=1)
    def root(ctx: Context) -> list[Any]:
        if not ctx.children_sync():
            leaf.enqueue_many_sync([{"number": 1}, {"number": 2}])
        if ctx.children_sync("leaf") != {"succeeded": 2}:
            raise Snooze(0)
        return [child.result for child in ctx.child_results_sync("leaf")]

    handle = await root.enqueue()
    await drain(app)
    assert await handle.result() == [1, 2]


async def test_tasks_of_a_handler_have_its_tenant(app: Rowlock, leaf: Task[..., Any]) -> None:
    @app.task
    async def root() -> None:
        await leaf.enqueue(1)
        await leaf.options(tenant_id="other").enqueue(2)

    await root.options(tenant_id="acme").enqueue()
    await drain(app)
    async with app.database.link() as link:
        rows = await link.query("SELECT payload ->> 'number', tenant_id FROM rowlock.tasks WHERE name = 'leaf'")
    assert sorted(tuple(row) for row in rows) == [("1", "acme"), ("2", "other")]


async def test_a_task_enqueued_elsewhere_meanwhile_is_nobodys_child(app: Rowlock, leaf: Task[..., Any]) -> None:
    begun, go_on = asyncio.Event(), asyncio.Event()

    @app.task
    async def root() -> None:
        begun.set()
        await go_on.wait()

    await root.enqueue()
    draining = asyncio.create_task(drain(app))
    await begun.wait()
    orphan = await leaf.enqueue(1)
    go_on.set()
    await draining
    assert (await orphan.get()).parent_id is None


async def test_the_context_tells_the_attempt(app: Rowlock) -> None:
    seen: list[Context] = []

    @app.task(queue="q", timeout=30, max_attempts=3)
    async def look(ctx: Context, number: int) -> None:
        seen.append(ctx)
        ctx.log.info("Looking.", number=number)
        await ctx.progress(1, 2, "half")

    handle = await look.options(metadata={"by": "ada"}).enqueue(7)
    await drain(app)
    (ctx,) = seen
    assert (ctx.task_id, ctx.name, ctx.queue, ctx.tenant_id) == (handle.id, look.name, "q", "default")
    assert (ctx.attempt, ctx.max_attempts, ctx.cancelled, ctx.metadata) == (1, 3, False, {"by": "ada"})
    task = await handle.get()
    assert task.started_at is not None
    assert ctx.deadline is not None
    assert abs(ctx.deadline - task.started_at - timedelta(seconds=30)) < timedelta(seconds=0.01)
    assert task.progress == {"done": 1, "total": 2, "message": "half"}


async def test_each_executor_runs_where_it_says(app: Rowlock, leaf: Task[..., Any], database_url: str) -> None:
    @app.task
    async def on_the_loop(ctx: Context) -> bool:
        return threading.current_thread() is threading.main_thread()

    @app.task
    def in_a_thread(ctx: Context) -> bool:
        return threading.current_thread() is threading.main_thread()

    crunch = app.task(executor="process", name="crunch")(crunching.crunch)
    from_a_child = app.task(executor="process", name="from_a_child")(crunching.crunch_and_enqueue)
    loop, thread = await on_the_loop.enqueue(), await in_a_thread.enqueue()
    child, parent = await crunch.enqueue(7), await from_a_child.enqueue(database_url)
    assert await drain(app) == {"succeeded": 5}
    assert (await loop.result(), await thread.result()) == (True, False)
    crunched = await child.result()
    assert (crunched["square"], crunched["attempt"]) == (49, 1)
    assert crunched["pid"] != os.getpid()
    grandchild = await app.get(UUID(await parent.result()))
    assert (grandchild.parent_id, grandchild.workflow_id) == (parent.id, parent.id)


async def test_children_do_without_what_the_lifespan_opens(database_url: str) -> None:
    @asynccontextmanager
    async def lifespan(_: Rowlock) -> AsyncIterator[None]:
        crunching.opened.append("client")
        yield
        crunching.opened.remove("client")

    app = Rowlock(settings=settings_for(database_url), lifespan=lifespan)
    for executor in ("thread", "process"):
        app.task(executor=executor, name=executor)(crunching.what_is_open)
    async with app:
        thread, process = await app.enqueue("thread"), await app.enqueue("process")
        await drain(app)
        assert (await thread.result(), await process.result()) == (["client"], [])


async def test_middleware_surrounds_each_attempt_outermost_first(database_url: str) -> None:
    said: list[str] = []

    @asynccontextmanager
    async def lifespan(running: Rowlock) -> AsyncIterator[None]:
        assert running is app
        said.append("up")
        yield
        said.append("down")

    app = Rowlock(settings=settings_for(database_url), lifespan=lifespan)

    @app.middleware
    async def outer(ctx: Context, call_next: CallNext) -> Any:
        said.append("outer in")
        try:
            return {"wrapped": await call_next()}
        finally:
            said.append("outer out")

    @app.middleware
    async def inner(ctx: Context, call_next: CallNext) -> Any:
        said.append(f"inner in {ctx.name}")
        result = await call_next()
        said.append("inner out")
        return result

    @app.task(name="work")
    def work() -> int:
        said.append("work")
        return 1

    async with app:
        handle = await work.enqueue()
        await drain(app)
        assert await handle.result() == {"wrapped": 1}
    assert said == ["up", "outer in", "inner in work", "work", "inner out", "outer out", "down"]


async def test_a_middleware_may_answer_in_the_handlers_place_or_fail(app: Rowlock) -> None:
    @app.middleware
    async def guard(ctx: Context, call_next: CallNext) -> Any:
        if ctx.name == "forbidden":
            raise PermissionError("not today")
        return "answered"

    @app.task(name="forbidden", max_attempts=1)
    async def forbidden() -> None: ...

    @app.task(name="never")
    async def never() -> None:
        raise AssertionError

    refused, answered = await forbidden.enqueue(), await never.enqueue()
    await drain(app)
    assert (await refused.get()).error == "PermissionError: not today"
    assert await answered.result() == "answered"


@pytest.fixture
def spans(monkeypatch: pytest.MonkeyPatch) -> Iterator[InMemorySpanExporter]:
    """A tracer provider of the test's own; OpenTelemetry lets a program set one only once."""
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(tracing._tracers, "_tracer", provider.get_tracer("test"))
    yield exporter
    provider.shutdown()


async def test_a_trace_goes_on_in_the_worker_and_in_children(
    app: Rowlock, leaf: Task[..., Any], spans: InMemorySpanExporter
) -> None:
    @app.task(name="root")
    async def root() -> None:
        await leaf.enqueue(1)

    with tracing._tracers._tracer.start_as_current_span("a request") as request:  # type: ignore[union-attr]
        handle = await root.options(metadata={"by": "ada"}).enqueue()
    assert trace.get_current_span() is trace.INVALID_SPAN
    await drain(app)
    found = {span.name: span for span in spans.get_finished_spans()}
    chain = ["a request", "send root", "process root", "send leaf", "process leaf"]
    assert set(chain) <= set(found)
    ids = {span.name: known for span in found.values() if (known := span.get_span_context())}
    for parent, child in itertools.pairwise(chain):
        above = found[child].parent
        assert above is not None
        assert above.span_id == ids[parent].span_id, f"{child} is below {parent}"
    assert {known.trace_id for known in ids.values()} == {request.get_span_context().trace_id}
    metadata = (await handle.get()).metadata
    assert metadata is not None
    assert metadata["by"] == "ada"
    assert "traceparent" in metadata["trace"]


async def test_without_a_trace_nothing_is_added(app: Rowlock, leaf: Task[..., Any]) -> None:
    assert (await (await leaf.enqueue(1)).get()).metadata is None
