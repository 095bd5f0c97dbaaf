"""A starting worker brings the schedules of its application to what the code declares."""

from __future__ import annotations

import pytest
from tenacity import stop_after_attempt
from tests.harness.eventually import eventually
from tests.harness.installation import TENANT, Installation, settings_for
from tests.harness.schedules import OPERATOR, make_schedule
from tests.worker.conftest import working

from rowlock import Rowlock
from rowlock.engine import declared_schedules
from rowlock.engine.schedules import get_schedule, list_schedules, resume_schedule
from rowlock.store.schedules import ScheduleRecord
from rowlock.worker import schedules


def shop(url: str, *rules: str, name: str = "shop") -> Rowlock:
    """An application that declares these schedules for one handler."""
    app = Rowlock(name=name, settings=settings_for(url))
    report = app.task(name="report")(lambda: None)
    for rule in rules:
        app.schedule(rule, name=rule.strip("@"))(report)
    return app


async def states(here: Installation) -> dict[str, str]:
    found = await list_schedules(here.database, TENANT)
    return {schedule.name: "paused" if schedule.paused else "active" for schedule in found}


async def test_what_is_declared_is_stored_and_what_vanished_is_paused(here: Installation, database_url: str) -> None:
    await make_schedule(here, "by-hand")
    first = shop(database_url, "@daily", "@weekly")
    async with working(first):
        await eventually(lambda: _states_are(here, {"by-hand": "active", "daily": "active", "weekly": "active"}))
    await first.close()
    stored = await get_schedule(here.database, TENANT, "daily")
    assert (stored.source, stored.application, stored.task_name) == ("code", "shop", "report")
    second = shop(database_url, "@daily")
    async with working(second):
        await eventually(lambda: _states_are(here, {"by-hand": "active", "daily": "active", "weekly": "paused"}))
    await second.close()
    none_left = shop(database_url)
    async with working(none_left):
        await eventually(lambda: _states_are(here, {"by-hand": "active", "daily": "paused", "weekly": "paused"}))
    await none_left.close()


async def test_two_applications_of_a_tenant_leave_each_other_alone(
    here: Installation, database_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    shopping, billing = shop(database_url, "@daily"), shop(database_url, "@daily", "@weekly", name="billing")
    async with working(shopping):
        await eventually(lambda: _states_are(here, {"daily": "active"}))
    async with working(billing):
        await eventually(lambda: _states_are(here, {"daily": "active", "weekly": "active"}))
    assert "belong to another application" in caplog.text
    kept: ScheduleRecord = await get_schedule(here.database, TENANT, "daily")
    assert kept.application == "shop"
    for app in (shopping, billing):
        await app.close()


async def test_a_worker_that_is_told_not_to_leaves_schedules_alone(here: Installation, database_url: str) -> None:
    app = shop(database_url, "@daily")
    async with working(app, sync_schedules=False) as worker:
        await eventually(lambda: worker.id)
        done = await app.enqueue("report")
        await done.wait()
    await app.close()
    assert await states(here) == {}


async def test_a_person_s_resume_outlives_the_next_start(here: Installation, database_url: str) -> None:
    app = shop(database_url, "@daily")
    async with working(app):
        await eventually(lambda: _states_are(here, {"daily": "active"}))
    await app.close()
    gone = shop(database_url)
    async with working(gone):
        await eventually(lambda: _states_are(here, {"daily": "paused"}))
    await gone.close()
    await resume_schedule(here.database, TENANT, "daily", actor=OPERATOR)
    assert await states(here) == {"daily": "active"}


async def test_a_schedule_that_a_transaction_holds_is_named_in_the_log_and_stored_later(
    here: Installation, database_url: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(declared_schedules, "LOCK_TIMEOUT", "50ms")
    monkeypatch.setattr(declared_schedules, "RETRIES", declared_schedules.RETRIES.copy(stop=stop_after_attempt(2)))
    monkeypatch.setattr(schedules, "FIRST_PAUSE_SECONDS", 0.05)
    before = shop(database_url, "@daily", "@weekly")
    await before.schedules.sync()
    await before.close()
    await here.query("UPDATE rowlock.schedules SET queue = 'other' WHERE name = 'weekly'")
    after = shop(database_url, "@daily", "@weekly")
    async with here.database.link() as link, working(after):
        async with link.transaction():
            await link.query("SELECT FROM rowlock.schedules WHERE name = 'weekly' FOR UPDATE")
            await eventually(lambda: "could not be stored yet" in caplog.text)
        await eventually(lambda: _queue_is(here, "weekly", "default"))
    await after.close()
    [warning] = [record.getMessage() for record in caplog.records if "could not be stored yet" in record.getMessage()]
    assert "The schedule weekly could not be synced, for another transaction holds it." in warning


async def _queue_is(here: Installation, name: str, queue: str) -> bool:
    return (await get_schedule(here.database, TENANT, name)).queue == queue


async def _states_are(here: Installation, expected: dict[str, str]) -> bool:
    return await states(here) == expected
