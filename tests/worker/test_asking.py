"""When a worker says that the database does not answer: after its own patience, and by an event loop that turns."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from rowlock.telemetry.condition import Condition
from rowlock.worker.asking import asking

Passing = Callable[[float], Awaitable[None]]


@pytest.fixture
async def passing(monkeypatch: pytest.MonkeyPatch) -> Passing:
    """Lets so many seconds pass on the event loop's clock, and the loop turn afterwards."""
    loop = asyncio.get_running_loop()
    now = loop.time()
    monkeypatch.setattr(loop, "time", lambda: now)

    async def passed(seconds: float) -> None:
        nonlocal now
        now += seconds
        for _ in range(2):
            await asyncio.sleep(0)

    return passed


async def test_a_duty_without_an_answer_is_in_trouble_when_patience_ends(passing: Passing) -> None:
    condition = Condition("worker")
    with asking(condition, "claim", patience_seconds=4):
        await passing(3.9)
        assert condition.reasons == ()
        await passing(0.2)
        [reason] = condition.reasons
    assert reason.startswith("The database has not answered for 4 s")


async def test_an_event_loop_that_stood_still_tells_nothing_of_the_database(passing: Passing) -> None:
    """An answer that has come meanwhile is read after what was due is done. If none has, patience begins anew."""
    condition = Condition("worker")
    with asking(condition, "claim", patience_seconds=4):
        for _ in range(2):
            await passing(10)
            assert condition.reasons == ()
        await passing(3.9)
        assert condition.reasons == ()
        await passing(0.2)
        assert condition.reasons


async def test_nobody_is_told_once_the_answer_is_there(passing: Passing) -> None:
    condition = Condition("worker")
    for standstill in (0, 10):
        with asking(condition, "claim", patience_seconds=4):
            await passing(standstill)
        await passing(4.1)
    assert condition.reasons == ()
