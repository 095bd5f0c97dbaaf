"""Timers: at once and then at the interval, one at a time, whatever becomes of a duty or of the host's clock."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from tests.harness.eventually import eventually

from rowlock.scheduler.timers import Timers

LONG = 3_600.0


class Duty:
    """Counts its comings; may be held up, or say that it was not done."""

    def __init__(self, *, done: bool = True) -> None:
        self.begun = self.ended = self.most_at_once = 0
        self.done = done
        self.may_end = asyncio.Event()
        self.may_end.set()

    async def __call__(self) -> bool:
        self.begun += 1
        self.most_at_once = max(self.most_at_once, self.begun - self.ended)
        try:
            await self.may_end.wait()
        finally:
            self.ended += 1
        return self.done


async def test_a_duty_comes_at_once_and_again() -> None:
    timers, often, seldom = Timers(), Duty(), Duty()
    timers.every(0.02, "often", often)
    timers.every(LONG, "seldom", seldom)
    timers.start()
    await eventually(lambda: often.begun >= 3)
    await timers.stop(patience_seconds=1)
    assert seldom.begun == 1


async def test_a_duty_that_takes_long_does_not_come_twice_at_once() -> None:
    timers, slow, other = Timers(), Duty(), Duty()
    slow.may_end.clear()
    timers.every(0.01, "slow", slow)
    timers.every(0.01, "other", other)
    timers.start()
    await eventually(lambda: other.begun >= 10)
    assert (slow.begun, slow.ended) == (1, 0)
    slow.may_end.set()
    await eventually(lambda: slow.begun >= 2)
    await timers.stop(patience_seconds=1)
    assert slow.most_at_once == 1


async def test_a_duty_that_was_not_done_comes_sooner() -> None:
    timers, unfinished = Timers(), Duty(done=False)
    timers.every(LONG, "unfinished", unfinished, retry_seconds=0.01)
    timers.start()
    await eventually(lambda: unfinished.begun >= 3)
    await timers.stop(patience_seconds=1)


async def test_stopping_waits_for_a_duty_and_cancels_one_that_takes_too_long(
    caplog: pytest.LogCaptureFixture,
) -> None:
    timers, quick, stuck = Timers(), Duty(), Duty()
    quick.may_end.clear()
    stuck.may_end.clear()
    timers.every(LONG, "quick", quick)
    timers.every(LONG, "stuck", stuck)
    timers.start()
    await eventually(lambda: quick.begun + stuck.begun == 2)
    asyncio.get_running_loop().call_later(0.02, quick.may_end.set)
    await timers.stop(patience_seconds=0.1)
    assert (quick.ended, stuck.ended) == (1, 1)
    assert [record for record in caplog.records if record.levelname == "ERROR"] == []


async def test_a_host_clock_set_back_does_not_silence_the_timers(monkeypatch: pytest.MonkeyPatch) -> None:
    timers, duty = Timers(), Duty()
    timers.every(LONG, "duty", duty)
    timers.start()
    await eventually(lambda: duty.begun == 1)
    timers.follow_host_clock()
    assert duty.begun == 1
    # As seen by APScheduler after the clock went back an hour: the next coming is two hours away.
    timers._scheduler.modify_job("duty", next_run_time=datetime.now(UTC) + timedelta(hours=2))
    ahead = timers._ahead - 3_600
    monkeypatch.setattr(Timers, "_host_clock_ahead", staticmethod(lambda: ahead))
    timers.follow_host_clock()
    await eventually(lambda: duty.begun == 2)
    timers.follow_host_clock()
    await timers.stop(patience_seconds=1)
    assert duty.begun == 2


@pytest.mark.parametrize("hours", [5, -5])
async def test_a_host_clock_set_and_set_right_at_once_does_not_silence_the_timers(hours: int) -> None:
    """Between two looks at it: the clock is as far ahead as before, but what was planned meanwhile is not."""
    timers, duty = Timers(), Duty()
    timers.every(0.02, "duty", duty)
    with time_machine.travel(datetime.now(UTC), tick=True) as clock:
        timers.start()
        await eventually(lambda: duty.begun >= 2)
        timers.follow_host_clock()
        begun, loop = duty.begun, asyncio.get_running_loop()

        def planned_by_the_wrong_clock() -> bool:
            return duty.begun >= begun + 2 if hours > 0 else timers._scheduler._timeout.when() > loop.time() + LONG

        clock.shift(timedelta(hours=hours))
        await eventually(planned_by_the_wrong_clock)
        clock.shift(timedelta(hours=-hours))
        begun = duty.begun
        await eventually(lambda: timers.follow_host_clock() or duty.begun >= begun + 3)
        await timers.stop(patience_seconds=1)
