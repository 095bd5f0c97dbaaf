"""A Context as first parameter is the worker's to give: it is no argument of an enqueue."""

from __future__ import annotations

from typing import assert_type

from rowlock import Context, Rowlock, TaskHandle

app = Rowlock()


@app.task
async def bare(ctx: Context, to: str, copies: int = 1) -> None:
    await ctx.progress(1, 2, "half")
    assert_type(ctx.cancelled, bool)
    assert_type(await ctx.children(), dict[str, int])


@app.task(queue="mail")
async def called(ctx: Context, to: str) -> None: ...


@app.task
def threaded(ctx: Context, to: str) -> None:
    ctx.progress_sync(1)


@app.task(executor="process")
def alone(ctx: Context) -> int:
    return ctx.attempt


async def enqueue() -> None:
    assert_type(await bare.enqueue("ada"), TaskHandle)
    await bare.enqueue(to="ada", copies=2)
    await bare.enqueue(to=1)  # E: arg-type
    await bare.enqueue(None, 2)  # E: arg-type
    await called.enqueue("ada")
    await called.enqueue(7)  # E: arg-type
    await called.options(delay=1).enqueue("ada")
    await called.options(delay=1).enqueue(7)  # E: arg-type
    await alone.enqueue()
    await alone.enqueue(1)  # E: call-arg
    threaded.enqueue_sync("ada")
    threaded.enqueue_sync(to=1)  # E: arg-type
    threaded.options(queue="x").enqueue_sync(to=1)  # E: arg-type
