"""What callers may ask of a schedule, and the field that a refusal names."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from rowlock.domain.errors import InvalidArgument, InvalidPayload, PayloadTooLarge
from rowlock.domain.schedule_requests import schedule_request
from rowlock.domain.windows import MissedRunPolicy

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


def test_only_name_task_and_rule_are_needed() -> None:
    request = schedule_request("nightly", "reports.build", cron="0 3 * * *")
    assert (request.trigger_kind, request.expression, request.timezone) == ("cron", "0 3 * * *", "UTC")
    assert (request.missed_run_policy, request.max_catch_up) == (MissedRunPolicy.LATEST_ONLY, 100)
    assert (request.payload, request.queue, request.max_attempts, request.tags) == ("{}", "default", 4, ())


@pytest.mark.parametrize(
    ("interval", "expression"),
    [(90, "90"), (1.5, "1.5"), (timedelta(hours=1), "3600"), ("1h30m", "1h30m"), (86_400.0, "86400"), (100, "100")],
)
def test_an_interval_is_written_as_its_expression(interval: Any, expression: str) -> None:
    request = schedule_request("beat", "t", interval=interval, allow_seconds=True)
    assert (request.trigger_kind, request.expression) == ("interval", expression)


def test_windows_count_from_the_anchor_where_one_is_given() -> None:
    free = schedule_request("beat", "t", interval=60)
    bound = schedule_request("beat", "t", interval=60, anchor_at=NOON + timedelta(seconds=30))
    assert next(free.trigger(NOON).windows_after(NOON)) == NOON + timedelta(seconds=60)
    assert next(bound.trigger(NOON).windows_after(NOON)) == NOON + timedelta(seconds=30)


@pytest.mark.parametrize(
    ("rule", "kind", "expression", "first"),
    [
        ({"once": NOON + timedelta(hours=1)}, "once", "2026-03-02T13:00:00+00:00", NOON + timedelta(hours=1)),
        ({"once": "2026-03-02T14:30"}, "once", "2026-03-02T14:30", NOON + timedelta(minutes=90)),
        ({"calendar": "1 month at 09:00"}, "calendar", "1 month at 09:00", datetime(2026, 4, 2, 7, tzinfo=UTC)),
        ({"cron": "@daily"}, "cron", "@daily", datetime(2026, 3, 2, 23, tzinfo=UTC)),
    ],
)
def test_a_rule_is_of_one_kind(rule: dict[str, Any], kind: str, expression: str, first: datetime) -> None:
    request = schedule_request("nightly", "t", **rule, timezone="Europe/Berlin")
    assert (request.trigger_kind, request.expression) == (kind, expression)
    assert next(request.trigger(NOON).windows_after(NOON)) == first


def test_a_rule_has_bounds_and_jitter() -> None:
    request = schedule_request(
        "nightly",
        "t",
        cron="0 * * * *",
        starts_at=NOON + timedelta(hours=2),
        ends_at=NOON + timedelta(hours=3),
        jitter=600,
    )
    trigger = request.trigger(NOON, "seed")
    windows = list(trigger.windows_after(NOON))
    assert windows == [NOON + timedelta(hours=2), NOON + timedelta(hours=3)]
    assert all(window <= trigger.fire_at(window) < window + timedelta(minutes=10) for window in windows)


@pytest.mark.parametrize("rule", [{"cron": "*/10 * * * * *"}, {"interval": 1}, {"interval": "30s"}])
def test_windows_nearer_than_a_minute_must_be_allowed(rule: dict[str, Any]) -> None:
    with pytest.raises(InvalidArgument, match=r"seconds"):
        schedule_request("beat", "t", **rule)
    assert schedule_request("beat", "t", **rule, allow_seconds=True).allow_seconds


@pytest.mark.parametrize(
    ("field", "arguments"),
    [
        ("name", {"name": ""}),
        ("name", {"name": "a/b"}),
        ("name", {"name": "a\0"}),
        ("name", {"name": 5}),
        ("task_name", {"task_name": "no spaces"}),
        ("cron", {"cron": "* * *"}),
        ("cron", {"cron": "@reboot"}),
        ("cron", {"cron": "* * * * *\0"}),
        ("cron", {"cron": "0 0 30 2 *"}),
        ("cron", {"cron": 5}),
        ("cron", {"cron": "* " * 1_000}),
        ("cron", {"cron": None}),
        ("cron", {"interval": 5}),
        ("interval", {"cron": None, "interval": 0}),
        ("interval", {"cron": None, "interval": 0.999}),
        ("interval", {"cron": None, "interval": -60}),
        ("interval", {"cron": None, "interval": float("nan")}),
        ("interval", {"cron": None, "interval": 1e300}),
        ("interval", {"cron": None, "interval": True}),
        ("interval", {"cron": None, "interval": "often"}),
        ("interval", {"cron": None, "interval": "1" * 500}),
        ("interval", {"cron": None, "interval": [60]}),
        ("timezone", {"timezone": "Berlin"}),
        ("timezone", {"timezone": "../etc/passwd"}),
        ("timezone", {"timezone": "UTC\0"}),
        ("timezone", {"timezone": ["UTC"]}),
        ("timezone", {"cron": None, "interval": 60, "timezone": "Berlin"}),
        ("interval", {"cron": None, "interval": 59}),
        ("cron", {"cron": "* * * * * *"}),
        ("once", {"cron": None, "once": "tomorrow"}),
        ("once", {"cron": None, "once": 5}),
        ("once", {"cron": None, "once": "2026-02-30T09:00"}),
        ("once", {"cron": None, "once": "1 month at 09:00", "calendar": "1 month at 09:00"}),
        ("calendar", {"cron": None, "calendar": "monthly"}),
        ("calendar", {"cron": None, "calendar": "1 month at 25:00"}),
        ("calendar", {"cron": None, "calendar": {"months": 1}}),
        ("starts_at", {"starts_at": "2026-01-01"}),
        ("starts_at", {"starts_at": datetime(2026, 1, 1)}),  # noqa: DTZ001 - that it is naive is the point
        ("ends_at", {"starts_at": NOON, "ends_at": NOON - timedelta(days=1)}),
        ("ends_at", {"starts_at": NOON, "ends_at": NOON + timedelta(minutes=1)}),
        ("jitter", {"jitter": -1}),
        ("jitter", {"jitter": 0.5}),
        ("jitter", {"jitter": timedelta(days=2)}),
        ("jitter", {"jitter": "long"}),
        ("allow_seconds", {"allow_seconds": 1}),
        ("catch_up_window", {"catch_up_window": 0}),
        ("catch_up_window", {"catch_up_window": timedelta(days=4_000)}),
        ("misfire_grace", {"misfire_grace": -1}),
        ("misfire_grace", {"misfire_grace": None}),
        ("overlap_policy", {"overlap_policy": "maybe"}),
        ("overlap_policy", {"overlap_policy": True}),
        ("anchor_at", {"anchor_at": datetime(2026, 1, 1)}),  # noqa: DTZ001 - that it is naive is the point
        ("anchor_at", {"anchor_at": datetime(9999, 1, 1, tzinfo=UTC)}),
        ("missed_run_policy", {"missed_run_policy": "sometimes"}),
        ("missed_run_policy", {"missed_run_policy": ["skip"]}),
        ("max_catch_up", {"max_catch_up": 0}),
        ("max_catch_up", {"max_catch_up": 10_001}),
        ("max_catch_up", {"max_catch_up": True}),
        ("max_catch_up", {"max_catch_up": 1.0}),
        ("payload", {"payload": [1]}),
        ("payload_version", {"payload_version": 0}),
        ("payload_version", {"payload_version": 32_768}),
        ("payload_version", {"payload_version": True}),
        ("payload_version", {"payload_version": "3"}),
        ("queue", {"queue": "a/b"}),
        ("priority", {"priority": 4}),
        ("max_attempts", {"max_attempts": 0}),
        ("timeout", {"timeout": 0}),
        ("timeout", {"timeout": float("inf")}),
        ("tags", {"tags": "tag"}),
        ("tags", {"tags": 5}),
        ("tags", {"tags": [""]}),
    ],
)
def test_a_refusal_names_the_field(field: str, arguments: dict[str, Any]) -> None:
    given = {"name": "nightly", "task_name": "reports.build", "cron": "0 3 * * *", **arguments}
    with pytest.raises(InvalidArgument) as refused:
        schedule_request(**given)
    assert refused.value.detail["field"] == field
    assert refused.value.message.endswith(".")


@pytest.mark.parametrize("rule", [{"interval": "10d"}, {"calendar": "1 month at 09:00"}])
def test_bounds_are_held_against_windows_only_where_it_is_known_from_when_these_count(rule: dict[str, Any]) -> None:
    bounds = {"starts_at": datetime(2026, 2, 10, tzinfo=UTC), "ends_at": datetime(2026, 2, 20, tzinfo=UTC)}
    made_at = datetime(2026, 1, 15, tzinfo=UTC)
    open_request = schedule_request("nightly", "t", **rule, **bounds)
    assert len(list(open_request.trigger(made_at).windows_after(made_at))) == 1
    assert schedule_request("nightly", "t", **rule, **bounds, anchor_at=made_at).anchor_at == made_at
    with pytest.raises(InvalidArgument, match="no window is left") as refused:
        schedule_request("nightly", "t", **rule, **bounds, anchor_at=datetime(2026, 2, 20, 10, tzinfo=UTC))
    assert refused.value.detail == {"field": "ends_at"}


@pytest.mark.parametrize("payload", [{"a": float("nan")}, {"a": "\0"}, {"a": {1: 2}}, {"a": object()}])
def test_a_payload_must_be_json(payload: dict[str, Any]) -> None:
    with pytest.raises(InvalidPayload):
        schedule_request("nightly", "t", cron="@daily", payload=payload)


def test_a_payload_is_bounded() -> None:
    with pytest.raises(PayloadTooLarge):
        schedule_request("nightly", "t", cron="@daily", payload={"a": "x" * 100}, max_payload_bytes=100)
