"""A Context as first parameter is the worker's to give: it is no argument of an enqueue."""

from __future__ import annotations

from dataclasses import dataclass
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


@dataclass
class Receipt:
    number: int


async def charge(order: int, *, currency: str) -> Receipt:
    return Receipt(order)


def pack(order: int, boxes: int = 1) -> list[str]:
    return ["box"] * boxes


@app.task
async def fulfil(ctx: Context, order: int) -> None:
    assert_type(await ctx.step("charge", charge, order, currency="EUR"), Receipt)
    assert_type(await ctx.step("pack", pack, order, boxes=2), list[str])
    assert_type(await ctx.step("count", lambda: 1), int)
    assert_type(ctx.step_key("charge"), str)
    await ctx.step("charge", charge, "seven", currency="EUR")  # E: arg-type
    await ctx.step("charge", charge, order)  # E: call-overload
    await ctx.step(charge, order, currency="EUR")  # E: call-overload


@app.task
def fulfil_in_a_thread(ctx: Context, order: int) -> None:
    assert_type(ctx.step_sync("charge", charge, order, currency="EUR"), Receipt)
    assert_type(ctx.step_sync("pack", pack, order), list[str])
    ctx.step_sync("pack", pack, "seven")  # E: call-overload


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
