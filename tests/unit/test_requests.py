"""Requests for tasks: every part is checked, and a refusal names the part."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from rowlock.domain.errors import InvalidArgument, InvalidPayload, PayloadTooLarge
from rowlock.domain.priorities import Priority
from rowlock.domain.requests import RequestSeries, any_keyed, ids_of, lane_of, task_request, with_defaults
from rowlock.store.tasks import as_json, batch_statement

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def test_a_bare_request_has_the_defaults() -> None:
    request = task_request("mail.send")
    assert request.id.version == 7
    assert (request.payload, request.queue, request.priority) == ("{}", "default", Priority.NORMAL)
    assert (request.max_attempts, request.tags, request.metadata) == (4, (), None)
    assert request.due_soon
    assert not request.keyed


def test_every_part_is_taken_and_normalised() -> None:
    request = task_request(
        "mail.send",
        {"to": "a@example.com"},
        queue="mail",
        priority="High",
        delay=1.5,
        max_attempts=9,
        timeout=30,
        tags=["b", "a", "b"],
        idempotency_key="i",
        flow_key="f",
        metadata={"trace": "x"},
        payload_version=2,
        id=UUID(int=7),
    )
    assert json.loads(request.payload) == {"to": "a@example.com"}
    assert json.loads(request.metadata or "") == {"trace": "x"}
    assert (request.priority, request.delay) == (Priority.HIGH, timedelta(seconds=1.5))
    assert (request.timeout, request.tags) == (timedelta(seconds=30), ("b", "a"))
    assert request.id == UUID(int=7)
    assert request.keyed
    assert not request.due_soon


def test_json_text_that_was_checked_already_is_kept() -> None:
    assert task_request("mail.send", '{"a": 1}').payload == '{"a": 1}'


@pytest.mark.parametrize(
    ("parts", "due_soon", "keyed"),
    [
        ({"delay": timedelta(0)}, True, False),
        ({"delay": timedelta(seconds=1)}, True, False),
        ({"delay": timedelta(seconds=1.1)}, False, False),
        ({"run_at": NOON}, False, False),
        ({"unique_key": "u"}, True, True),
        ({"idempotency_key": "i", "timeout": timedelta(seconds=1)}, True, True),
    ],
)
def test_a_request_knows_when_it_is_due_and_whether_it_has_a_key(
    parts: Mapping[str, Any], due_soon: bool, keyed: bool
) -> None:
    request = task_request("mail.send", **parts)
    assert (request.due_soon, request.keyed) == (due_soon, keyed)


@pytest.mark.parametrize(
    ("parts", "field"),
    [
        ({"name": "with space"}, "name"),
        ({"queue": "a/b"}, "queue"),
        ({"priority": "urgent"}, "priority"),
        ({"delay": -1}, "delay"),
        ({"delay": float("nan")}, "delay"),
        ({"delay": 1, "run_at": NOON}, "delay"),
        ({"run_at": NOON.replace(tzinfo=None)}, "run_at"),
        ({"max_attempts": 0}, "max_attempts"),
        ({"timeout": 0}, "timeout"),
        ({"tags": ["\0"]}, "tags"),
        ({"idempotency_key": ""}, "idempotency_key"),
        ({"unique_key": "\ud800"}, "unique_key"),
        ({"on_duplicate": "ignore"}, "on_duplicate"),
        ({"flow_key": ""}, "flow_key"),
        ({"payload_version": 0}, "payload_version"),
        ({"payload_version": 32_768}, "payload_version"),
        ({"payload": [1]}, "payload"),
        ({"metadata": [1]}, "metadata"),
    ],
)
def test_a_wrong_part_is_refused_under_its_name(parts: Mapping[str, Any], field: str) -> None:
    with pytest.raises(InvalidArgument, match=r"\.$") as refusal:
        task_request(**{"name": "mail.send", **parts})
    assert refusal.value.detail == {"field": field}


def test_payloads_are_bounded_and_must_be_storable() -> None:
    with pytest.raises(InvalidPayload, match=r"^The payload holds the number nan, at \$\.n\.$"):
        task_request("mail.send", {"n": float("nan")})
    with pytest.raises(PayloadTooLarge):
        task_request("mail.send", {"text": "x" * 100}, max_payload_bytes=100)
    with pytest.raises(PayloadTooLarge):
        task_request("mail.send", metadata={"text": "x" * 20_000})


def test_a_lane_is_the_tenant_or_one_of_its_flows() -> None:
    assert lane_of("acme", None) == "acme"
    assert lane_of("acme", "imports/1") == "acme/imports/1"


@pytest.mark.parametrize("ttl", [timedelta(seconds=1), timedelta(hours=24), timedelta(days=366)])
def test_an_idempotency_key_lives_for_as_long_as_is_asked(ttl: timedelta) -> None:
    assert task_request("mail.send", idempotency_key="i", idempotency_ttl=ttl).idempotency_ttl == ttl


@pytest.mark.parametrize("ttl", [timedelta(0), timedelta(milliseconds=999), timedelta(days=366, microseconds=1)])
def test_the_life_of_an_idempotency_key_is_bounded(ttl: timedelta) -> None:
    with pytest.raises(InvalidArgument) as refused:
        task_request("mail.send", idempotency_key="i", idempotency_ttl=ttl)
    assert refused.value.detail["field"] == "idempotency_ttl"


def test_a_series_is_a_sequence_of_requests_with_ids_and_payloads_of_their_own() -> None:
    first = task_request("mail", {"to": 1}, tags=["a"], delay=5, unique_key="k")
    series = RequestSeries.like(first, ['{"to":2}', '{"to":3}'])
    assert list(series) == [first, series[1], series[2]]
    assert [each.payload for each in series] == ['{"to":1}', '{"to":2}', '{"to":3}']
    assert first.id < series[1].id < series[-1].id
    assert {each[2:] for each in series} == {first[2:]}
    assert not {first.id, first.payload, first.unique_key} & set(first.options)
    with pytest.raises(IndexError):
        series[3]


def test_a_slice_of_a_series_is_a_series() -> None:
    series = RequestSeries.like(task_request("mail"), ['{"to":2}', '{"to":3}'])
    assert isinstance(series[1:], RequestSeries)
    assert list(series[1:]) == list(series)[1:]


def test_a_series_takes_other_options_as_a_whole_and_keeps_its_ids() -> None:
    series = RequestSeries.like(task_request("mail"), ["{}"])
    other = series.replace(metadata='{"a":1}')
    assert {each.metadata for each in other} == {'{"a":1}'}
    assert list(ids_of(other)) == list(ids_of(series)) == [each.id for each in series]


def test_a_series_is_keyed_where_its_options_are() -> None:
    assert any_keyed(RequestSeries.like(task_request("mail", unique_key="k"), ["{}"]))
    assert not any_keyed(RequestSeries.like(task_request("mail"), ["{}"]))
    assert any_keyed([task_request("mail"), task_request("mail", idempotency_key="k")])


def test_what_defaults_fill_in_is_told_from_what_is_said() -> None:
    asked = task_request("mail", **with_defaults({"queue": "mail", "timeout": 60}, {"max_attempts": 9, "tags": ()}))
    assert (asked.queue, asked.timeout, asked.max_attempts) == ("mail", timedelta(seconds=60), 9)
    assert asked.filled_in == {"queue", "priority", "timeout", "expires_in", "payload_version"}
    assert asked.like("{}").filled_in == asked.filled_in
    assert task_request("mail", queue="mail").filled_in == set()


def test_requests_without_a_key_are_stored_as_if_all_were_said() -> None:
    """So that those whose options come to the same go as one series, and others send nothing for nobody to compare."""
    said, filled = task_request("mail", max_attempts=4), task_request("mail", **with_defaults({"max_attempts": 4}, {}))
    assert said.options == filled.options
    assert batch_statement("default", [said, filled])[0] == "enqueue_series"
    unique = [task_request("mail", **with_defaults({}, {"unique_key": key})) for key in "ab"]
    assert "filled_in" not in as_json([filled, *unique])
