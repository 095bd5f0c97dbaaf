"""Schedulers as programs: the leader is killed or frozen, and another takes over without a double or a gap."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import ExitStack
from datetime import timedelta

import pytest
from tests.harness.eventually import eventually
from tests.harness.installation import Installation, installation
from tests.harness.scheduler_process import HOUR, SchedulerProcess, scheduler_process
from tests.harness.schedules import (
    assert_every_window_once,
    make_schedule,
    quicken_clock,
    windows_by_schedule,
)

from rowlock.store.leaders import LeaderRecord, get_leader

MINUTE = timedelta(minutes=1)
QUICK = {"scheduler_tick_seconds": 0.1, "election_seconds": 0.2}
FAILOVER_SECONDS = 10
SPEED = 300


@pytest.fixture
async def here(database_url: str) -> AsyncIterator[Installation]:
    async with installation(database_url) as made:
        await quicken_clock(made, SPEED)
        for n in range(3):
            await make_schedule(made, f"s{n}", missed_run_policy="catch_up", max_catch_up=10_000)
        yield made


async def elected(here: Installation, epoch: int) -> LeaderRecord:
    """The leader of that epoch, once there is one."""

    async def led() -> LeaderRecord | None:
        leader = await get_leader(here.database)
        return leader if leader is not None and leader.epoch >= epoch else None

    return await eventually(led)


async def windows_grow(here: Installation, by: int) -> None:
    async def fewest() -> int:
        return min(map(len, (await windows_by_schedule(here)).values()), default=0)

    before = await fewest()

    async def grown() -> bool:
        return await fewest() >= before + by

    await eventually(grown)


async def test_a_killed_leader_is_followed_by_another_again_and_again(here: Installation) -> None:
    with ExitStack() as programs:
        standing = [programs.enter_context(scheduler_process(here.database.url, **QUICK)) for _ in range(2)]
        epoch = 0
        for _ in range(3):
            leader = await elected(here, epoch + 1)
            epoch = leader.epoch
            await windows_grow(here, 3)
            [victim] = [program for program in standing if program.named_by(leader.holder)]
            victim.kill()
            killed_at = time.monotonic()
            standing.remove(victim)
            standing.append(programs.enter_context(scheduler_process(here.database.url, **QUICK)))
            await elected(here, epoch + 1)
            assert time.monotonic() - killed_at < FAILOVER_SECONDS
        await windows_grow(here, 3)
        leader = await elected(here, epoch + 1)
        [last] = [program for program in standing if program.named_by(leader.holder)]
        assert last.stop() == 0
    assert_every_window_once(await windows_by_schedule(here), every=MINUTE, at_least=12)


async def test_a_frozen_leader_loses_the_lead_and_does_no_harm_when_it_wakes(here: Installation) -> None:
    with (
        scheduler_process(here.database.url, **QUICK) as one,
        scheduler_process(here.database.url, **QUICK) as other,
    ):
        leader = await elected(here, 1)
        await windows_grow(here, 3)
        frozen, standby = _told_apart(leader, one, other)
        frozen.freeze()
        frozen_at = time.monotonic()
        second = await elected(here, leader.epoch + 1)
        assert time.monotonic() - frozen_at < FAILOVER_SECONDS
        assert standby.named_by(second.holder)
        await windows_grow(here, 3)
        frozen.thaw()
        await windows_grow(here, 10)
        assert frozen.runs
        assert (await elected(here, second.epoch)).epoch == second.epoch
        standby.kill()  # the one that woke up stands by, and takes over in its turn
        assert frozen.named_by((await elected(here, second.epoch + 1)).holder)
        await windows_grow(here, 3)
    assert_every_window_once(await windows_by_schedule(here), every=MINUTE, at_least=15)


async def test_a_host_whose_clock_is_wrong_fires_the_same_windows_at_the_same_time(
    here: Installation,
) -> None:
    """An hour fast, then right, then an hour slow, then right again: none fires early, late, twice or never."""
    with scheduler_process(here.database.url, clock_is_wrong_by=HOUR, **QUICK) as one:
        await elected(here, 1)
        await windows_grow(here, 3)
        [(begun_at,)] = await here.query("SELECT rowlock.clock()")
        for by in (-HOUR, -HOUR, HOUR):
            one.set_clock(by)
            await windows_grow(here, 5)
        assert (await elected(here, 1)).epoch == 1
    [(earliest, latest)] = await here.query(
        "SELECT min(recorded_at - window_at), max(recorded_at - window_at) FROM rowlock.schedule_windows"
        " WHERE window_at > %(begun_at)s",
        {"begun_at": begun_at},
    )
    assert timedelta(0) <= earliest <= latest < 5 * SPEED * timedelta(seconds=1)
    assert_every_window_once(await windows_by_schedule(here), every=MINUTE, at_least=18)


async def test_a_frozen_leader_is_followed_in_time_at_default_settings(here: Installation) -> None:
    with scheduler_process(here.database.url) as one, scheduler_process(here.database.url) as other:
        leader = await elected(here, 1)
        await windows_grow(here, 1)
        frozen, _ = _told_apart(leader, one, other)
        frozen.freeze()
        frozen_at = time.monotonic()
        await elected(here, leader.epoch + 1)
        await windows_grow(here, 1)
        assert time.monotonic() - frozen_at < FAILOVER_SECONDS
        frozen.thaw()
    assert_every_window_once(await windows_by_schedule(here), every=MINUTE, at_least=2)


def _told_apart(
    leader: LeaderRecord, one: SchedulerProcess, other: SchedulerProcess
) -> tuple[SchedulerProcess, SchedulerProcess]:
    """The process that leads, and the one that stands by."""
    return (one, other) if one.named_by(leader.holder) else (other, one)
