"""The leader's duties: what one of them cannot do keeps nothing else from being done, and is done later."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from tests.harness.installation import Installation, installation
from tests.harness.scripts import run_script

from rowlock.scheduler.duties import Duties
from rowlock.store.maintenance import maintenance_link
from rowlock.telemetry.condition import Condition
from rowlock.telemetry.metrics import Metrics

MARKS_ARE_REFUSED = """
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RAISE 'no' USING ERRCODE = '57014'; END$$;
CREATE TRIGGER refuse BEFORE UPDATE ON rowlock.tasks_live FOR EACH ROW
    WHEN (new.status = 'running' AND new.lease_moved AND old.lease_moved IS NOT TRUE) EXECUTE FUNCTION refuse();
"""

FORGETTING_IS_REFUSED = """
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RAISE 'no' USING ERRCODE = '57014'; END$$;
CREATE TRIGGER refuse BEFORE DELETE ON rowlock.workers FOR EACH STATEMENT EXECUTE FUNCTION refuse();
"""


@pytest.fixture
async def here(database_url: str) -> AsyncIterator[Installation]:
    async with installation(database_url) as made:
        yield made


async def test_leases_of_older_workers_are_adopted_last_and_until_it_is_done(here: Installation) -> None:
    """It reads the whole live table, and so may run into a time limit where everything else does not."""
    duties = Duties(here.database, Metrics(), Condition("scheduler"), epoch=1, on_lost=lambda _: None)
    assert await duties.rescue()
    last = await here.enqueue(max_attempts=1)
    await here.claim(worker=(await here.register_worker(knows=False, expires_seconds=15))[0])
    await here.query("UPDATE rowlock.tasks_live SET lease_moved = NULL")  # as an older worker leaves it
    overdue = await here.enqueue(expires_in=timedelta(seconds=20))
    await here.move_clock(timedelta(seconds=61))
    async with here.database.link() as link:
        await run_script(link, MARKS_ARE_REFUSED)
    assert not await duties.rescue()
    assert (await here.task(overdue)).status == "dead"
    assert (await here.task(last)).status != "dead"
    await here.query("DROP TRIGGER refuse ON rowlock.tasks_live")
    assert await duties.rescue()
    assert await duties.rescue()
    assert (await here.task(last)).status == "dead"


def maintaining(here: Installation) -> tuple[Duties, Metrics]:
    metrics = Metrics()
    return Duties(here.database, metrics, Condition("scheduler"), epoch=1, on_lost=lambda _: None), metrics


def days_ahead(metrics: Metrics) -> float | None:
    return metrics.registry.get_sample_value("rowlock_partitions_ahead_days")


@pytest.mark.all_partitions
async def test_days_ahead_are_told_while_another_session_keeps_maintenance_from_running(
    here: Installation, caplog: pytest.LogCaptureFixture
) -> None:
    """So that the alert sees them run out, under a leader that has just come as well."""
    duties, metrics = maintaining(here)
    async with maintenance_link(here.database) as link:
        assert link is not None
        await here.move_clock(timedelta(days=12))
        with caplog.at_level("WARNING", "rowlock.maintenance"):
            assert not await duties.maintain()
    assert days_ahead(metrics) == 2
    assert "Another process is at it." in caplog.text
    assert await duties.maintain()
    assert days_ahead(metrics) == 14


async def test_days_ahead_are_told_where_a_round_fails_half_way(here: Installation) -> None:
    duties, metrics = maintaining(here)
    async with here.database.link() as link:
        await run_script(link, FORGETTING_IS_REFUSED)
    assert not await duties.maintain()
    assert days_ahead(metrics) == 14
    assert metrics.registry.get_sample_value("rowlock_duty_failures_total", {"duty": "maintain"}) == 1
