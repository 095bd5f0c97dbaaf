"""The scheduler as a service: one leads, the others wait, and nothing but a wrong setting ends it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import psycopg
import pytest
from tests.harness.eventually import eventually
from tests.harness.installation import Installation, installation, settings_for
from tests.harness.pooler import pooler
from tests.harness.schedules import (
    assert_every_window_once,
    make_schedule,
    quicken_clock,
    windows_by_schedule,
)

from rowlock.domain.errors import ConfigurationError
from rowlock.scheduler import SchedulerService
from rowlock.store.databases import database_of
from rowlock.store.leaders import get_leader
from rowlock.telemetry.metrics import Metrics
from rowlock.testing.databases import FreshDatabases

pytestmark = pytest.mark.all_partitions
MINUTE = timedelta(minutes=1)
QUICK = {"scheduler_tick_seconds": 0.05, "election_seconds": 0.1}


@pytest.fixture
async def here(database_url: str) -> AsyncIterator[Installation]:
    async with installation(database_url) as made:
        yield made


class Running:
    """A service and what the test asks of it."""

    def __init__(self, url: str, holder: str) -> None:
        self.metrics = Metrics()
        self.stop = asyncio.Event()
        self.service = SchedulerService(settings_for(url, **QUICK), metrics=self.metrics, holder=holder)

    def leads(self) -> bool:
        return self.service.epoch is not None

    def stands_by(self) -> bool:
        return self.service.state == "standby"

    def figure(self, name: str, **labels: str) -> float:
        return self.metrics.registry.get_sample_value(f"rowlock_{name}", labels) or 0.0


@asynccontextmanager
async def running(url: str, *holders: str) -> AsyncIterator[list[Running]]:
    services = [Running(url, holder) for holder in holders]
    async with asyncio.TaskGroup() as group:
        for one in services:
            group.create_task(one.service.run(one.stop))
        try:
            yield services
        finally:
            for one in services:
                one.stop.set()


async def enough(here: Installation, schedules: int, windows: int) -> None:
    async def made() -> bool:
        by_schedule = await windows_by_schedule(here)
        return len(by_schedule) == schedules and min(map(len, by_schedule.values())) >= windows

    await eventually(made)


async def test_services_that_compete_fire_each_window_once(here: Installation) -> None:
    await quicken_clock(here, 600)
    for n in range(3):
        await make_schedule(here, f"s{n}", missed_run_policy="catch_up", max_catch_up=10_000)
    async with running(here.database.url, "a", "b", "c") as services:
        await enough(here, 3, 15)
        assert sorted(one.service.state for one in services) == ["leading", "standby", "standby"]
        [leader] = [one for one in services if one.leads()]
        assert leader.figure("pool_requests_total", pool="scheduler") > 15
    assert leader.figure("leader_epoch", role="scheduler") == 1
    assert leader.figure("schedule_windows_total", outcome="fired") >= 45
    assert leader.figure("schedule_drift_seconds_count") >= 45
    assert leader.figure("partitions_ahead_days") == 14
    assert [one.service.state for one in services] == ["stopped"] * 3
    assert_every_window_once(await windows_by_schedule(here), every=MINUTE, at_least=15)


async def test_a_leader_that_stops_hands_over_at_once(here: Installation) -> None:
    await quicken_clock(here, 600)
    await make_schedule(here, missed_run_policy="catch_up", max_catch_up=10_000)
    async with running(here.database.url, "a", "b") as services:
        for epoch in (1, 2):
            leader = await eventually(lambda: next((one for one in services if one.leads()), None))
            assert leader.service.epoch == epoch
            assert leader.service.health().ready
            before = len((await windows_by_schedule(here)).popitem()[1]) if epoch == 2 else 0
            await enough(here, 1, before + 3)
            leader.stop.set()
            await eventually(lambda one=leader: one.service.state == "stopped")  # type: ignore[misc]
            assert leader.figure("leader", role="scheduler") == 0
    assert_every_window_once(await windows_by_schedule(here), every=MINUTE, at_least=6)


async def test_a_leader_whose_connections_are_cut_again_and_again_loses_no_window(here: Installation) -> None:
    await quicken_clock(here, 600)
    await make_schedule(here, missed_run_policy="catch_up", max_catch_up=10_000)
    async with running(here.database.url, "a", "b") as services:
        for epoch in range(1, 6):
            await eventually(
                lambda least=epoch: any((one.service.epoch or 0) >= least for one in services)  # type: ignore[misc]
            )
            await here.query(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND application_name LIKE 'rowlock scheduler%%'"
            )
        leader = await get_leader(here.database)
        assert leader is not None
        before = len(next(iter((await windows_by_schedule(here)).values()), []))
        await enough(here, 1, before + 5)
    assert_every_window_once(await windows_by_schedule(here), every=MINUTE, at_least=5)


async def test_postgresql_away_is_waited_for(here: Installation, databases: FreshDatabases) -> None:
    name = database_of(here.database.url)
    await here.database.close()  # else its pool would be cut as well
    async with running(here.database.url, "a") as [one]:
        await eventually(one.leads)
        with psycopg.connect(databases.admin_url, autocommit=True) as admin:
            admin.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false')
            admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (name,))
            await eventually(lambda: one.service.state == "away")
            report = one.service.health()
            assert (report.live, report.ready) == (True, False)
            assert "accepting connections" in report.reasons[0]
            admin.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true')
        await eventually(one.leads)
        assert one.service.health().ready
        assert one.service.health().reasons == ()


async def test_a_duty_that_fails_stops_no_other(here: Installation) -> None:
    await quicken_clock(here, 600)
    await make_schedule(here)
    await here.query("ALTER TABLE rowlock.workers RENAME TO workers_gone")
    async with running(here.database.url, "a") as [one]:
        await eventually(lambda: one.figure("duty_failures_total", duty="rescue") >= 2)
        await enough(here, 1, 3)
        assert one.leads()
        await here.query("ALTER TABLE rowlock.workers_gone RENAME TO workers")
        await here.enqueue("spent", queue="q", max_attempts=1)
        await here.claim(queue="q", lease_seconds=1)
        await eventually(lambda: one.figure("rescues_total", reason="attempts_exhausted") == 1)


async def test_a_leader_overtaken_by_another_epoch_stands_again(here: Installation) -> None:
    async with running(here.database.url, "a") as [one]:
        await eventually(one.leads)
        await here.database.run("take_leadership", {"role": "scheduler", "holder": "usurper"})
        await eventually(lambda: one.service.epoch == 3)


async def test_a_pooler_ends_it_with_the_setting_that_is_wrong(database_url: str) -> None:
    async with pooler(database_url) as url:
        service = SchedulerService(settings_for(url, **QUICK), metrics=Metrics())
        with pytest.raises(ConfigurationError, match="ROWLOCK_DATABASE_URL"):
            await service.run(asyncio.Event())
