"""How handlers may be enqueued, as a type checker sees it. A line that must be refused says so at its end."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import assert_type

from rowlock import Rowlock, TaskHandle

app = Rowlock()


@app.task
async def bare(to: str, copies: int = 1) -> bool:
    return True


@app.task()
async def called(to: str, copies: int = 1) -> bool:
    return True


@app.task(queue="mail", max_attempts=3, timeout=timedelta(minutes=1), tags=["x"])
def threaded(to: str, *, copies: int = 1) -> bool:
    return True


@app.task
async def nothing() -> None: ...


@app.task
async def anything(value: object, other: int) -> None: ...


async def asynchronously() -> None:
    assert_type(await bare.enqueue("ada"), TaskHandle)
    await bare.enqueue(to="ada", copies=2)
    await bare.enqueue(to=1)  # E: arg-type
    await bare.enqueue()  # E: call-arg
    await bare.enqueue("ada", 2, 3)  # E: call-arg
    await bare.enqueue("ada", colour="red")  # E: call-arg
    await called.enqueue(to="ada", copies=2)
    await called.enqueue(to=1)  # E: arg-type
    await threaded.enqueue("ada", copies=2)
    await threaded.enqueue("ada", 2)  # E: call-arg
    await nothing.enqueue()
    await nothing.enqueue(1)  # E: call-arg
    await anything.enqueue([1, 2], other=3)
    await anything.enqueue(3)  # E: call-arg
    assert_type(await bare.enqueue_many([{"to": "ada"}]), Sequence[TaskHandle])
    await bare.enqueue_many(7)  # E: arg-type


def synchronously() -> None:
    assert_type(bare.enqueue_sync("ada"), TaskHandle)
    bare.enqueue_sync(to=1)  # E: arg-type
    called.enqueue_sync(to=1)  # E: arg-type
    threaded.enqueue_sync(copies=1)  # E: call-arg
    nothing.enqueue_sync("x")  # E: call-arg
    assert_type(bare.enqueue_many_sync([{"to": "ada"}]), Sequence[TaskHandle])


async def with_options() -> None:
    chosen = bare.options(queue="other", delay=5, priority="high", unique_key=lambda a: str(a["to"]))
    assert_type(await chosen.enqueue("ada", copies=2), TaskHandle)
    await chosen.enqueue(to=1)  # E: arg-type
    chosen.enqueue_sync(to=1)  # E: arg-type
    bare.options(run_at=datetime.now(UTC), delay=timedelta(seconds=1), tags=("a",), metadata={"a": 1})
    bare.options(colour="red")  # E: call-arg
    bare.options(queue=7)  # E: arg-type
    bare.options(on_duplicate="ignore")  # E: arg-type
    app.task(colour="red")  # E: call-overload
    app.task(executor="fibre")  # E: call-overload


async def called_directly() -> None:
    assert_type(await bare("ada"), bool)
    assert_type(threaded("ada"), bool)
    assert_type(bare.name, str)
