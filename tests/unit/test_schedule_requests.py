"""Requests for schedules: one rule each, every part checked, and a refusal that names the part."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from rowlock.domain.errors import InvalidArgument, InvalidPayload, PayloadTooLarge
from rowlock.domain.priorities import Priority
from rowlock.domain.schedule_requests import schedule_request
from rowlock.domain.triggers import CronTrigger, IntervalTrigger

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def test_a_bare_request_has_the_defaults() -> None:
    request = schedule_request("nightly", "report.make", cron="@daily")
    assert (request.trigger_kind, request.expression, request.timezone) == ("cron", "@daily", "UTC")
    assert (request.missed_run_policy, request.max_catch_up) == ("latest_only", 100)
    assert (request.payload, request.queue, request.priority) == ("{}", "default", Priority.NORMAL)
    assert request.trigger(NOON) == CronTrigger("0 0 * * *", "UTC")


def test_every_part_is_taken_and_normalised() -> None:
    request = schedule_request(
        "nightly",
        "report.make",
        cron="0 9 * * *",
        timezone="Europe/Berlin",
        missed_run_policy="catch_up",
        max_catch_up=7,
        payload={"for": "all"},
        queue="reports",
        priority=0,
        max_attempts=2,
        timeout=30,
        tags=["b", "a", "b"],
    )
    assert json.loads(request.payload) == {"for": "all"}
    assert (request.priority, request.timeout) == (Priority.CRITICAL, timedelta(seconds=30))
    assert request.tags == ("b", "a")
    assert request.trigger(NOON) == CronTrigger("0 9 * * *", "Europe/Berlin")


@pytest.mark.parametrize("interval", ["1h", "3600", HOUR, 3_600, 3_600.0])
def test_an_interval_can_be_said_in_many_ways(interval: Any) -> None:  # Any: of every type there is
    request = schedule_request("hourly", "report.make", interval=interval)
    assert request.trigger(NOON) == IntervalTrigger(HOUR, NOON)


def test_an_interval_counts_from_the_anchor_that_is_asked_for() -> None:
    request = schedule_request("hourly", "report.make", interval=1.5, anchor_at=NOON, timeout=HOUR)
    assert request.expression == "1.5"
    assert request.trigger(NOON + HOUR) == IntervalTrigger(timedelta(seconds=1.5), NOON)


def test_json_text_that_was_checked_already_is_kept() -> None:
    assert schedule_request("s", "t", cron="@daily", payload='{"a": 1}').payload == '{"a": 1}'


@pytest.mark.parametrize(
    ("parts", "field"),
    [
        ({"name": "a/b"}, "name"),
        ({"task_name": "with space"}, "task_name"),
        ({"cron": None}, "cron"),
        ({"interval": 5}, "cron"),
        ({"cron": "61 * * * *"}, "cron"),
        ({"cron": 5}, "cron"),
        ({"timezone": "Mars"}, "timezone"),
        ({"cron": None, "interval": "often"}, "interval"),
        ({"cron": None, "interval": 0.5}, "interval"),
        ({"cron": None, "interval": float("inf")}, "interval"),
        ({"cron": None, "interval": "9" * 201}, "interval"),
        ({"anchor_at": NOON.replace(tzinfo=None)}, "anchor_at"),
        ({"missed_run_policy": "never"}, "missed_run_policy"),
        ({"max_catch_up": 0}, "max_catch_up"),
        ({"max_catch_up": 10_001}, "max_catch_up"),
        ({"max_catch_up": True}, "max_catch_up"),
        ({"payload": [1]}, "payload"),
        ({"queue": "*"}, "queue"),
        ({"priority": "urgent"}, "priority"),
        ({"max_attempts": 0}, "max_attempts"),
        ({"timeout": -1}, "timeout"),
        ({"tags": [""]}, "tags"),
    ],
)
def test_a_wrong_part_is_refused_under_its_name(parts: Mapping[str, Any], field: str) -> None:
    with pytest.raises(InvalidArgument, match=r"\.$") as refusal:
        schedule_request(**{"name": "nightly", "task_name": "report.make", "cron": "@daily", **parts})
    assert refusal.value.detail == {"field": field}


def test_payloads_are_bounded_and_must_be_storable() -> None:
    with pytest.raises(InvalidPayload, match=r"^The payload holds a NUL character, at \$\.a\.$"):
        schedule_request("s", "t", cron="@daily", payload={"a": "\0"})
    with pytest.raises(PayloadTooLarge):
        schedule_request("s", "t", cron="@daily", payload={"text": "x" * 100}, max_payload_bytes=100)
