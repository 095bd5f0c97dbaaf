"""Attempts that never wait share one asyncio task, and nothing of one reaches another."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, cast

import pytest
from tests.harness.eventually import eventually

from rowlock.worker.attempt import Attempt
from rowlock.worker.runners import Runners

LEFT: ContextVar[str] = ContextVar("left", default="")


@dataclass
class Named:
    """As much of a task."""

    name: str


@dataclass(eq=False)
class Pretended:
    """As much of an attempt as runners know of."""

    work: Callable[[], Awaitable[None]]
    task: Named
    job: asyncio.Task[None] | None = None
    claimed_at: float = field(default_factory=time.monotonic)


@dataclass
class Stage:
    """Performs pretended attempts and notes in which asyncio task each ran."""

    ran_in: list[asyncio.Task[Any] | None] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    cancelled: int = 0
    given_up: list[Attempt] = field(default_factory=list)

    def runners(self, *, most: int = 1_000) -> Runners:
        return Runners(self.perform, most=most, give_up=self.given_up.extend)

    async def perform(self, attempt: Attempt) -> None:
        self.ran_in.append(asyncio.current_task())
        self.names.append(attempt.task.name)
        try:
            await cast("Pretended", attempt).work()
        except asyncio.CancelledError:
            self.cancelled += 1


def runners_of(stage: Stage, works: list[Callable[[], Awaitable[None]]], *, most: int = 1_000) -> list[Pretended]:
    attempts = [Pretended(work, Named(work.__name__)) for work in works]
    stage.runners(most=most).put(cast("list[Attempt]", attempts))
    return attempts


async def nothing() -> None: ...


async def has_run(stage: Stage, count: int) -> None:
    async def all_ran() -> bool:
        return len(stage.ran_in) == count

    await eventually(all_ran)


async def test_attempts_that_never_wait_share_a_task(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rowlock.worker.runners.LONGEST_TURN_SECONDS", 3_600)
    stage = Stage()
    runners_of(stage, [nothing] * 200)
    await has_run(stage, 200)
    assert len(set(stage.ran_in)) == 1


async def test_an_attempt_that_waits_holds_up_nobody_and_shares_with_nobody() -> None:
    stage, gate = Stage(), asyncio.Event()

    async def waits() -> None:
        await gate.wait()

    runners_of(stage, [waits, waits, nothing, waits])
    await has_run(stage, 4)
    assert len({stage.ran_in[n] for n in (0, 1, 3)}) == 3
    gate.set()


async def test_a_timeout_belongs_to_the_attempt_alone() -> None:
    stage, seen = Stage(), []

    async def times_out() -> None:
        try:
            async with asyncio.timeout(0):
                await asyncio.Event().wait()
        except TimeoutError:
            seen.append("timed out")

    async def waits_a_moment() -> None:
        await asyncio.sleep(0)
        seen.append("waited")

    runners_of(stage, [times_out, waits_a_moment])
    await eventually(lambda: _done(seen, ["timed out", "waited"]))


async def _done(seen: list[str], wanted: list[str]) -> bool:
    return sorted(seen) == wanted


async def test_a_runner_that_was_cancelled_takes_no_other_attempt() -> None:
    stage = Stage()
    runners = stage.runners()
    first = Pretended(waits_for_ever, Named("waits"))
    runners.put(cast("list[Attempt]", [first]))
    await has_run(stage, 1)
    job = first.job
    assert job is not None
    job.cancel()
    runners.put(cast("list[Attempt]", [Pretended(nothing, Named("nothing")), Pretended(nothing, Named("nothing"))]))
    await has_run(stage, 3)
    assert stage.cancelled == 1
    assert job not in stage.ran_in[1:]
    await job
    assert first.job is None  # a cancel that comes late finds nobody


async def waits_for_ever() -> None:
    await asyncio.Event().wait()


async def test_a_context_variable_that_an_attempt_leaves_set_reaches_no_other() -> None:
    stage, seen = Stage(), []

    async def leaves_something() -> None:
        seen.append(LEFT.get())
        LEFT.set("something")

    runners_of(stage, [leaves_something, nothing, leaves_something])
    await has_run(stage, 3)
    assert seen == ["", ""]


@pytest.mark.parametrize("most", [1, 2])
async def test_nor_does_it_where_attempts_wait_for_the_place_of_one_that_ends(most: int) -> None:
    """Whoever ends begins the next one, with what it has left set."""
    stage, seen = Stage(), []

    async def waits_and_leaves_something() -> None:
        seen.append(LEFT.get())
        await asyncio.sleep(0)
        LEFT.set("something")

    LEFT.set("the worker's")
    runners_of(stage, [waits_and_leaves_something, nothing] * 4, most=most)
    await has_run(stage, 8)
    assert seen == ["the worker's"] * 4


async def test_an_attempt_that_has_waited_shares_its_task_with_none_that_follows() -> None:
    stage = Stage()

    async def waits_a_moment() -> None:
        await asyncio.sleep(0)

    runners_of(stage, [waits_a_moment, nothing] * 20)
    await has_run(stage, 40)
    for number, task in enumerate(stage.ran_in):
        if stage.names[number] == "waits_a_moment":
            assert task not in stage.ran_in[number + 1 :]


async def test_a_turn_is_over_for_all_runners(monkeypatch: pytest.MonkeyPatch) -> None:
    """Between two turns the event loop has one, and there is no more than one runner for each."""
    monkeypatch.setattr("rowlock.worker.runners.LONGEST_TURN_SECONDS", -1)
    stage, looks = Stage(), list[int]()

    async def look_on() -> None:
        while True:
            looks.append(len(stage.ran_in))
            await asyncio.sleep(0)

    looking = asyncio.create_task(look_on())
    runners_of(stage, [nothing] * 50)
    await has_run(stage, 50)
    looking.cancel()
    assert all(later - earlier <= 1 for earlier, later in itertools.pairwise(looks))


async def test_no_more_run_at_once_than_may_and_the_others_follow() -> None:
    stage, gates = Stage(), [asyncio.Event() for _ in range(5)]
    runners_of(stage, [gate.wait for gate in gates], most=2)  # type: ignore[misc]
    for ended, gate in enumerate(gates):
        await has_run(stage, min(5, ended + 2))
        gate.set()


async def test_one_place_is_enough_for_attempts_that_wait_and_those_that_do_not() -> None:
    stage = Stage()

    async def waits() -> None:
        await asyncio.sleep(0)

    runners_of(stage, [nothing, waits, nothing, waits, waits, nothing], most=1)
    await has_run(stage, 6)
    assert stage.names == ["nothing", "waits", "nothing", "waits", "waits", "nothing"]


async def test_what_waits_too_long_for_a_place_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rowlock.worker.runners.LONGEST_WAIT_SECONDS", 0.01)
    stage = Stage()
    first, *others = runners_of(stage, [waits_for_ever, nothing, nothing], most=1)
    await eventually(lambda: _done([str(id(each)) for each in stage.given_up], sorted(str(id(o)) for o in others)))
    assert stage.names == ["waits_for_ever"]
    assert first.job is not None
    first.job.cancel()


async def test_what_waits_for_a_busy_event_loop_is_not_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rowlock.worker.runners.LONGEST_WAIT_SECONDS", 0.001)
    monkeypatch.setattr("rowlock.worker.runners.LONGEST_TURN_SECONDS", 0)
    stage = Stage()

    async def blocks() -> None:
        time.sleep(0.005)  # noqa: ASYNC251 - that is the point

    runners_of(stage, [blocks] * 5, most=2)
    await has_run(stage, 5)
    assert stage.given_up == []


async def test_what_waits_can_be_withdrawn() -> None:
    stage = Stage()
    runners = stage.runners(most=1)
    attempts = [Pretended(waits_for_ever, Named("waits")), Pretended(nothing, Named("a"), claimed_at=0)]
    runners.put(cast("list[Attempt]", attempts))
    await has_run(stage, 1)
    assert runners.withdraw(claimed_before=0) == []
    assert runners.withdraw() == attempts[1:]
    assert runners.withdraw() == []
    job = attempts[0].job
    assert job is not None
    job.cancel()


async def test_whoever_leaves_makes_place_though_its_handler_goes_on() -> None:
    stage, gate = Stage(), asyncio.Event()

    async def waits() -> None:
        await gate.wait()

    runners = stage.runners(most=1)
    attempts = cast("list[Attempt]", [Pretended(work, Named("waits")) for work in (waits, waits, nothing)])
    runners.put(attempts)
    await has_run(stage, 1)
    runners.leave(attempts[0])
    await has_run(stage, 2)
    gate.set()  # both end now, and only one of them had a place
    await has_run(stage, 3)
