"""`app.schedules`: all that can be done with schedules, from Python."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from rowlock import Rowlock
from rowlock.domain.errors import AlreadyExists, InvalidArgument, InvalidPayload, NotFound
from rowlock.domain.ids import new_id

HOUR = timedelta(hours=1)


async def test_a_schedule_is_made_changed_paused_triggered_backfilled_and_deleted(app: Rowlock) -> None:
    @app.task(name="reports.build", queue="reports", max_attempts=7)
    async def build(day: int) -> None: ...

    made = await app.schedules.create("nightly", build, {"day": 1}, cron="0 * * * *", tz="Asia/Tokyo", paused=True)
    assert (made.task_name, made.queue, made.max_attempts, made.payload) == ("reports.build", "reports", 7, {"day": 1})
    assert (made.timezone, made.paused, made.source, made.paused_by) == ("Asia/Tokyo", True, "api", "python")
    assert not (await app.schedules.resume("nightly")).paused
    changed = await app.schedules.change("nightly", payload={"day": 2}, tz="UTC", overlap_policy="skip", timeout=9)
    assert (changed.payload, changed.timezone, changed.overlap_policy, changed.timeout_seconds) == (
        {"day": 2}, "UTC", "skip", 9,
    )  # fmt: skip
    assert (await app.schedules.change("nightly", timeout=None)).timeout_seconds is None
    handle = await app.schedules.trigger("nightly")
    assert (await handle.get()).payload == {"day": 2}
    noon = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    done = await app.schedules.backfill("nightly", since=noon - 3 * HOUR, until=noon - HOUR)
    assert (done.windows, sorted(done.fired)) == (3, [noon - n * HOUR for n in (3, 2, 1)])
    [latest, *_] = await app.schedules.windows("nightly")
    assert latest.task_id == done.fired[noon - HOUR]
    assert (await app.schedules.explain("nightly", noon - HOUR)).code == "fired"
    assert (await app.schedules.pause("nightly")).paused
    assert [schedule.name for schedule in await app.schedules.page()] == ["nightly"]
    await app.schedules.delete("nightly")
    with pytest.raises(NotFound):
        await app.schedules.get("nightly")


async def test_what_is_wrong_names_its_argument_and_stores_nothing(app: Rowlock) -> None:
    @app.task(name="reports.build")
    async def build(day: int) -> None: ...

    for options, field in (
        ({"cron": "0 25 * * *"}, "cron"),
        ({"cron": "@daily", "tz": "Mars/Olympus"}, "timezone"),
        ({"cron": "@daily", "missed_run_policy": "maybe"}, "missed_run_policy"),
        ({"interval": 5}, "interval"),
        ({"once": "2001-01-01T00:00"}, "once"),
    ):
        with pytest.raises(InvalidArgument) as refused:
            await app.schedules.create("nightly", build, {"day": 1}, **options)  # type: ignore[arg-type]
        assert refused.value.detail["field"] == field
    with pytest.raises(InvalidPayload):
        await app.schedules.create("nightly", "reports.build", {"day": "first"}, cron="@daily")
    assert await app.schedules.page() == []


async def test_a_schedule_has_the_version_of_the_handler_declared_here(app: Rowlock) -> None:
    @app.task(name="reports.build", payload_version=3)
    async def build(day: int) -> None: ...

    assert (await app.schedules.create("nightly", build, {"day": 1}, cron="@daily")).payload_version == 3
    older = await app.schedules.create("old", "elsewhere.work", {"n": 1}, cron="@daily", payload_version=2)
    assert older.payload_version == 2
    assert (await app.schedules.change("old", payload={"n": 2})).payload_version == 2
    assert (await app.schedules.change("old", task_name="reports.build", payload={"day": 1})).payload_version == 3
    assert (await app.schedules.change("old", payload_version=1)).payload_version == 1
    assert (await app.schedules.change("old", cron="@weekly")).payload_version == 1
    assert (await (await app.schedules.trigger("nightly")).get()).payload_version == 3


async def test_a_trigger_under_an_id_may_be_repeated(app: Rowlock) -> None:
    await app.schedules.create("nightly", "elsewhere.work", cron="@daily")
    task_id = new_id()
    handles = [await app.schedules.trigger("nightly", id=task_id) for _ in range(2)]
    assert [(handle.id, handle.created) for handle in handles] == [(task_id, True), (task_id, False)]
    other = await app.enqueue("elsewhere.work")
    with pytest.raises(AlreadyExists):
        await app.schedules.trigger("nightly", id=other.id)


async def test_a_handler_that_is_declared_elsewhere_is_named(app: Rowlock) -> None:
    made = await app.schedules.create("nightly", "elsewhere.work", {"n": 1}, interval="90m", tenant_id="other")
    assert (made.tenant_id, made.task_name, made.expression) == ("other", "elsewhere.work", "90m")
    with pytest.raises(AlreadyExists):
        await app.schedules.create("nightly", "elsewhere.work", cron="@daily", tenant_id="other")
    with pytest.raises(NotFound):
        await app.schedules.change("nightly", cron="@daily")


async def test_an_application_syncs_what_it_declares(app: Rowlock) -> None:
    @app.schedule("@daily", payload={"day": 1})
    @app.task(name="reports.build")
    async def build(day: int) -> None: ...

    assert (await app.schedules.sync(dry_run=True)).created == ["reports.build"]
    assert (await app.schedules.sync()).created == ["reports.build"]
    assert (await app.schedules.sync()).unchanged == ["reports.build"]
    assert (await app.schedules.get("reports.build")).source == "code"
