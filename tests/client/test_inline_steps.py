"""Durable steps in an inline block: as in a worker, across the attempts that the test asks for."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from dataclasses import dataclass

import pytest
from tests.harness.eventually import eventually

from rowlock import Context, LeaseLost, Retry, Rowlock, StepNotKept
from rowlock.testing import inline


@dataclass
class Receipt:
    number: int


async def test_steps_are_kept_across_attempts(bare_app: Rowlock) -> None:
    ran: Counter[str] = Counter()

    async def charge(order: int, key: str) -> Receipt:
        ran[key] += 1
        return Receipt(order)

    @bare_app.task
    async def fulfil(ctx: Context, order: int) -> list[int]:
        receipts = [await ctx.step("charge", charge, order + n, ctx.step_key("charge")) for n in range(2)]
        if ctx.attempt == 1:
            receipts[0].number = 99  # its own copy
            raise Retry
        return [receipt.number for receipt in receipts]

    with inline(bare_app) as tasks:
        await fulfil.enqueue(7)
        [task] = tasks.tasks
        assert (task.status, task.steps) == ("retrying", {"charge": {"number": 7}, "charge#2": {"number": 8}})
        await tasks.run_again(task)
    assert (task.status, task.result) == ("succeeded", [7, 8])
    assert ran == {f"{task.id}/charge": 1, f"{task.id}/charge#2": 1}


def test_a_handler_in_a_thread_takes_steps_and_a_redrive_keeps_them(bare_app: Rowlock) -> None:
    ran: Counter[str] = Counter()

    async def on_the_loop() -> str:
        ran["step"] += 1
        return "done"

    @bare_app.task(max_attempts=1)
    def work(ctx: Context) -> str:
        done = ctx.step_sync("one", on_the_loop)
        ran["attempt"] += 1
        if ran["attempt"] == 1:
            raise ConnectionError
        return done

    with inline(bare_app, raises=False) as tasks:
        handle = work.enqueue_sync()
        [task] = tasks.tasks
        assert task.status == "dead"
        asyncio.run(bare_app.redrive(handle.id))
    assert (task.status, task.result) == ("succeeded", "done")
    assert ran == {"step": 1, "attempt": 2}


async def test_what_cannot_be_kept_reaches_the_test(bare_app: Rowlock) -> None:
    @bare_app.task
    async def work(ctx: Context) -> None:
        await ctx.step("one", object)

    with inline(bare_app) as tasks, pytest.raises(StepNotKept, match="result of step 'one'"):
        await work.enqueue()
    assert (tasks.tasks[0].status, tasks.tasks[0].steps) == ("dead", {})


async def test_a_thread_that_was_abandoned_keeps_nothing(bare_app: Rowlock) -> None:
    release, lost = threading.Event(), threading.Event()

    @bare_app.task(timeout=0.05, max_attempts=1)
    def hangs(ctx: Context) -> None:
        try:
            ctx.step_sync("one", release.wait, 30)
        except LeaseLost:
            lost.set()

    with inline(bare_app, raises=False) as tasks:
        await hangs.enqueue()
        release.set()
        await eventually(lost.is_set)
    assert tasks.tasks[0].outcomes == ["timed_out"]
    assert tasks.tasks[0].steps == {}
