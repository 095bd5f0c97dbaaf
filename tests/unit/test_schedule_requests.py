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
    request = schedule_request("beat", "t", interval=interval)
    assert (request.trigger_kind, request.expression) == ("interval", expression)


def test_windows_count_from_the_anchor_where_one_is_given() -> None:
    free = schedule_request("beat", "t", interval=60)
    bound = schedule_request("beat", "t", interval=60, anchor_at=NOON + timedelta(seconds=30))
    assert next(free.trigger(NOON).windows_after(NOON)) == NOON + timedelta(seconds=60)
    assert next(bound.trigger(NOON).windows_after(NOON)) == NOON + timedelta(seconds=30)


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
        ("anchor_at", {"anchor_at": datetime(2026, 1, 1)}),  # noqa: DTZ001 - that it is naive is the point
        ("anchor_at", {"anchor_at": datetime(9999, 1, 1, tzinfo=UTC)}),
        ("missed_run_policy", {"missed_run_policy": "sometimes"}),
        ("missed_run_policy", {"missed_run_policy": ["skip"]}),
        ("max_catch_up", {"max_catch_up": 0}),
        ("max_catch_up", {"max_catch_up": 10_001}),
        ("max_catch_up", {"max_catch_up": True}),
        ("max_catch_up", {"max_catch_up": 1.0}),
        ("payload", {"payload": [1]}),
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


@pytest.mark.parametrize("payload", [{"a": float("nan")}, {"a": "\0"}, {"a": {1: 2}}, {"a": object()}])
def test_a_payload_must_be_json(payload: dict[str, Any]) -> None:
    with pytest.raises(InvalidPayload):
        schedule_request("nightly", "t", cron="@daily", payload=payload)


def test_a_payload_is_bounded() -> None:
    with pytest.raises(PayloadTooLarge):
        schedule_request("nightly", "t", cron="@daily", payload={"a": "x" * 100}, max_payload_bytes=100)
