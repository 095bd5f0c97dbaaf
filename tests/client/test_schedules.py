"""Schedules declared in code: checked where they are written, stored when they are synced."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest

from rowlock import Context, Rowlock
from rowlock.domain.errors import ConfigurationError, InvalidArgument, InvalidPayload
from rowlock.domain.overlap import OverlapPolicy
from rowlock.domain.windows import MissedRunPolicy


def test_a_declared_schedule_has_its_handlers_defaults(bare_app: Rowlock) -> None:
    @bare_app.schedule("0 3 * * *", tz="Europe/Berlin")
    @bare_app.task(name="report.build", queue="reports", priority="low", max_attempts=7, timeout=60, tags=["night"])
    async def build(day: str = "today") -> str:
        return day

    request = bare_app.schedules.declared["report.build"]
    assert (request.task_name, request.trigger_kind, request.expression) == ("report.build", "cron", "0 3 * * *")
    assert (request.timezone, request.queue, int(request.priority)) == ("Europe/Berlin", "reports", 3)
    assert (request.max_attempts, request.timeout, request.tags) == (7, timedelta(seconds=60), ("night",))
    assert build.name == "report.build"
    assert build.handler is bare_app.handlers["report.build"]


def test_a_task_is_not_declared_again_above_its_schedule(bare_app: Rowlock) -> None:
    @bare_app.schedule("@daily")
    async def build() -> None: ...

    with pytest.raises(ConfigurationError, match=r"build' is a task already.+ put @app\.schedule above @app\.task\."):
        bare_app.task(name="again")(build)
    assert list(bare_app.handlers) == [build.name]


def test_every_option_reaches_the_schedule(bare_app: Rowlock) -> None:
    noon = datetime(2026, 3, 2, 12, tzinfo=UTC)

    @bare_app.schedule(
        interval="30s",
        name="beat",
        payload={"count": 3},
        anchor_at=noon,
        starts_at=noon,
        ends_at=noon + timedelta(days=1),
        jitter=5,
        allow_seconds=True,
        missed_run_policy="catch_up",
        max_catch_up=7,
        catch_up_window=timedelta(hours=1),
        misfire_grace=10,
        overlap_policy="skip",
        queue="beats",
        priority="high",
        max_attempts=1,
        timeout=9,
        tags=["t"],
    )
    @bare_app.task
    async def beat(ctx: Context, count: int) -> None: ...

    request = bare_app.schedules.declared["beat"]
    assert (request.trigger_kind, request.expression, request.anchor_at) == ("interval", "30s", noon)
    assert (request.starts_at, request.ends_at, request.jitter) == (
        noon,
        noon + timedelta(days=1),
        timedelta(seconds=5),
    )
    assert (request.missed_run_policy, request.max_catch_up) == (MissedRunPolicy.CATCH_UP, 7)
    assert (request.catch_up_window, request.misfire_grace) == (timedelta(hours=1), timedelta(seconds=10))
    assert (request.overlap_policy, request.queue, int(request.priority)) == (OverlapPolicy.SKIP, "beats", 1)
    assert (request.max_attempts, request.timeout, request.tags) == (1, timedelta(seconds=9), ("t",))
    assert orjson.loads(request.payload) == {"count": 3}


def test_a_plain_function_becomes_a_task_and_one_handler_may_have_many_schedules(bare_app: Rowlock) -> None:
    @bare_app.schedule("@daily", name="daily", payload={"full": False})
    @bare_app.schedule("@monthly", name="monthly", payload={"full": True})
    def export(full: bool) -> None: ...

    assert export.name in bare_app.handlers
    assert sorted(bare_app.schedules.declared) == ["daily", "monthly"]
    assert {request.task_name for request in bare_app.schedules.declared.values()} == {export.name}


@pytest.mark.parametrize(
    ("options", "error", "field"),
    [
        ({"cron": "61 * * * *"}, InvalidArgument, "cron"),
        ({"cron": "@daily", "tz": "Mars/Olympus"}, InvalidArgument, "timezone"),
        ({}, InvalidArgument, "cron"),
        ({"interval": 5}, InvalidArgument, "interval"),
        ({"cron": "@daily", "overlap_policy": "maybe"}, InvalidArgument, "overlap_policy"),
        ({"cron": "@daily", "payload": {"day": [1]}}, InvalidPayload, None),
        ({"cron": "@daily", "payload": {"other": 1}}, InvalidPayload, None),
        ({"cron": "@daily", "name": "a/b"}, InvalidArgument, "name"),
    ],
)
def test_what_is_wrong_is_refused_where_it_is_written(
    bare_app: Rowlock, options: dict[str, Any], error: type[InvalidArgument], field: str | None
) -> None:
    @bare_app.task
    def build(day: str = "today") -> None: ...

    with pytest.raises(error) as refused:
        bare_app.schedule(**options)(build)
    assert field is None or refused.value.detail["field"] == field
    assert dict(bare_app.schedules.declared) == {}


def test_two_schedules_of_one_name_are_refused(bare_app: Rowlock) -> None:
    @bare_app.schedule("@daily")
    @bare_app.task(name="build")
    def build() -> None: ...

    with pytest.raises(ConfigurationError, match="name="):
        bare_app.schedule("@weekly")(build)


def test_a_handlers_name_that_no_schedule_can_have_asks_for_another(bare_app: Rowlock) -> None:
    @bare_app.task(name="reports/build")
    def build() -> None: ...

    with pytest.raises(InvalidArgument, match="name="):
        bare_app.schedule("@daily")(build)
    assert bare_app.schedule("@daily", name="build")(build) is build


def test_an_application_is_named_or_bears_the_name_of_its_package(bare_app: Rowlock) -> None:
    def of(package: str) -> Callable[[], None]:
        def work() -> None: ...

        work.__module__ = package
        return work

    assert bare_app.name == "default"
    bare_app.task(of("shop.jobs.mail"))
    assert bare_app.name == "shop"
    assert Rowlock(name="billing", settings=bare_app.settings).name == "billing"
    with pytest.raises(InvalidArgument):
        Rowlock(name="a/b", settings=bare_app.settings)
