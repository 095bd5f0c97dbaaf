"""The twins of `app.schedules` for programs without an event loop: the same acts and refusals, from any thread."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from tests.harness.installation import settings_for

from rowlock import Rowlock
from rowlock.domain.errors import AlreadyExists, InvalidArgument, NotFound
from rowlock.handlers.schedules import Schedules

HOUR = timedelta(hours=1)


@pytest.fixture
def plain_app(database_url: str) -> Iterator[Rowlock]:
    """An application of a test without an event loop."""
    made = Rowlock(settings=settings_for(database_url))
    yield made
    made.close_sync()


def test_each_call_has_a_twin_that_takes_the_same() -> None:
    calls = {name: call for name, call in vars(Schedules).items() if inspect.iscoroutinefunction(call)}
    for name in calls.keys() - {"sync", "_request"}:
        twin, original = inspect.signature(getattr(Schedules, f"{name}_sync")), inspect.signature(calls[name])
        assert (twin.parameters, twin.return_annotation) == (original.parameters, original.return_annotation)


def test_a_schedule_has_a_whole_life_without_an_event_loop(plain_app: Rowlock) -> None:
    schedules = plain_app.schedules
    made = schedules.create_sync("nightly", "reports.build", {"day": 1}, cron="0 * * * *", paused=True)
    assert (made.task_name, made.payload, made.paused) == ("reports.build", {"day": 1}, True)
    assert not schedules.resume_sync("nightly").paused
    assert schedules.change_sync("nightly", payload={"day": 2}, tz="Asia/Tokyo").timezone == "Asia/Tokyo"
    handle = schedules.trigger_sync("nightly")
    assert handle.get_sync().payload == {"day": 2}
    noon = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    assert schedules.backfill_sync("nightly", since=noon - HOUR, until=noon - HOUR).windows == 1
    assert [window.outcome for window in schedules.windows_sync("nightly")] == ["fired"]
    assert schedules.explain_sync("nightly", noon - HOUR).code == "fired"
    assert schedules.pause_sync("nightly").paused
    assert schedules.get_sync("nightly").paused
    assert [schedule.name for schedule in schedules.page_sync()] == ["nightly"]
    schedules.delete_sync("nightly")
    with pytest.raises(NotFound):
        schedules.get_sync("nightly")


def test_threads_may_call_at_the_same_time(plain_app: Rowlock) -> None:
    def make(number: int) -> str:
        return plain_app.schedules.create_sync(f"of-user-{number}", "mail.remind", interval="1h").name

    with ThreadPoolExecutor(4) as threads:
        made = list(threads.map(make, range(8)))
    assert [schedule.name for schedule in plain_app.schedules.page_sync()] == made
    with pytest.raises(AlreadyExists):
        make(0)
    with pytest.raises(InvalidArgument, match="0 25") as refused:
        plain_app.schedules.change_sync("of-user-0", cron="0 25 * * *")
    assert refused.value.detail["field"] == "cron"


async def test_a_loop_that_runs_is_left_alone(app: Rowlock) -> None:
    """As from a notebook, or from code that an asynchronous program calls and that knows nothing of it."""
    app.schedules.create_sync("nightly", "reports.build", cron="@daily", tenant_id="acme")
    assert (await app.schedules.get("nightly", tenant_id="acme")).task_name == "reports.build"
    assert await app.schedules.page() == []
