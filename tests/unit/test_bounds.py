"""Bounds: each check on both sides of its bound, and the sentence that refuses."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone, tzinfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rowlock.domain import bounds
from rowlock.domain.errors import InvalidArgument

Check = Callable[[object], object]


class Nowhere(tzinfo):
    """A zone that does not know its offset, which makes a datetime naive."""

    def utcoffset(self, moment: datetime | None) -> timedelta | None:
        return None

    def dst(self, moment: datetime | None) -> timedelta | None:
        return None

    def tzname(self, moment: datetime | None) -> str | None:
        return None


def check_idempotency_key(value: object) -> str:
    return bounds.check_key("idempotency_key", value)


def duration(value: object) -> timedelta:
    return bounds.duration(value, field="delay_seconds")


@pytest.mark.parametrize(
    ("check", "value"),
    [
        (bounds.check_name, "a"),
        (bounds.check_name, "_private.Mail:send/now-1"),
        (bounds.check_name, "x" * bounds.MAX_NAME),
        (bounds.check_queue, "mail.high:1-x_y"),
        (bounds.check_queue, "q" * bounds.MAX_QUEUE),
        (bounds.check_tenant, "acme.co-1_x"),
        (bounds.check_tenant, "0" * bounds.MAX_TENANT),
        (bounds.check_flow_key, "any text / with spaces, Ünïcode 🎉"),
        (bounds.check_flow_key, "🎉" * bounds.MAX_FLOW_KEY),
        (check_idempotency_key, "k" * bounds.MAX_KEY),
        (bounds.check_delay, timedelta(0)),
        (bounds.check_delay, bounds.MAX_DELAY),
        (bounds.check_run_at, bounds.EARLIEST),
        (bounds.check_run_at, bounds.LATEST),
        (bounds.check_max_attempts, 1),
        (bounds.check_max_attempts, bounds.MAX_ATTEMPTS),
        (bounds.check_expires_in, timedelta(microseconds=1)),
        (bounds.check_expires_in, bounds.MAX_DELAY),
        (bounds.check_timeout, timedelta(microseconds=1)),
        (bounds.check_timeout, timedelta(seconds=bounds.MAX_TIMEOUT_SECONDS)),
        (bounds.check_tags, []),
        (bounds.check_tags, [str(number) for number in range(bounds.MAX_TAGS)]),
        (bounds.check_tags, ["t" * bounds.MAX_TAG]),
    ],
)
def test_values_up_to_their_bounds_are_returned(check: Check, value: object) -> None:
    assert check(value) == value


@pytest.mark.parametrize(
    ("check", "value", "field", "rule"),
    [
        (bounds.check_name, "", "name", "1 to 200 characters, not 0"),
        (bounds.check_name, "x" * 201, "name", "1 to 200 characters, not 201"),
        (bounds.check_name, "with space", "name", "must consist of letters"),
        (bounds.check_name, "-x", "name", "not starting with punctuation"),
        (bounds.check_name, "x\n", "name", "must consist of letters"),
        (bounds.check_name, "naïve", "name", "must consist of letters"),
        (bounds.check_name, "x\0", "name", "NUL"),
        (bounds.check_name, None, "name", "must be text"),
        (bounds.check_name, b"x", "name", "must be text"),
        pytest.param(bounds.check_name, [10**5_000], "name", "must be text", id="number too long to print"),
        (bounds.check_queue, "a/b", "queue", "must consist of letters"),
        (bounds.check_queue, "*", "queue", "must consist of letters"),
        (bounds.check_queue, "q" * 101, "queue", "1 to 100"),
        (bounds.check_tenant, "Acme", "tenant", "lower-case"),
        (bounds.check_tenant, "a/b", "tenant", "lower-case"),
        (bounds.check_tenant, "_a", "tenant", "not starting with punctuation"),
        (bounds.check_tenant, "*", "tenant", "lower-case"),
        (bounds.check_tenant, "0" * 64, "tenant", "1 to 63"),
        (bounds.check_flow_key, "", "flow_key", "1 to 100"),
        (bounds.check_flow_key, "f" * 101, "flow_key", "1 to 100"),
        (bounds.check_flow_key, "a\0b", "flow_key", "NUL"),
        (bounds.check_flow_key, "a\ud800", "flow_key", "lone surrogates"),
        (check_idempotency_key, "k" * 256, "idempotency_key", "1 to 255"),
        (check_idempotency_key, 5, "idempotency_key", "must be text"),
        (bounds.check_tags, "tag", "tags", "list of texts"),
        (bounds.check_tags, {"tag": 1}, "tags", "list of texts"),
        (bounds.check_tags, None, "tags", "list of texts"),
        (bounds.check_tags, [1], "tags", "must be text"),
        (bounds.check_tags, [""], "tags", "1 to 100"),
        (bounds.check_tags, ["t" * 101], "tags", "1 to 100"),
        (bounds.check_tags, ["\udfff"], "tags", "lone surrogates"),
        (bounds.check_tags, [str(number) for number in range(21)], "tags", "at most 20"),
        (bounds.check_delay, timedelta(microseconds=-1), "delay", "must not be negative"),
        (bounds.check_delay, bounds.MAX_DELAY + timedelta(microseconds=1), "delay", "3660 days"),
        (bounds.check_delay, 5, "delay", "must be a timedelta"),
        (bounds.check_run_at, datetime(2026, 1, 1), "run_at", "time zone"),  # noqa: DTZ001 - naive on purpose
        (bounds.check_run_at, datetime(2026, 1, 1, tzinfo=Nowhere()), "run_at", "time zone"),
        (bounds.check_run_at, "2026-01-01", "run_at", "time zone"),
        (bounds.check_run_at, bounds.EARLIEST - timedelta(microseconds=1), "run_at", "1970 to 9998"),
        (bounds.check_run_at, bounds.LATEST + timedelta(microseconds=1), "run_at", "1970 to 9998"),
        (bounds.check_run_at, datetime.max.replace(tzinfo=timezone(-timedelta(hours=1))), "run_at", "1970 to"),
        (bounds.check_run_at, datetime.min.replace(tzinfo=timezone(timedelta(hours=1))), "run_at", "1970 to"),
        (bounds.check_max_attempts, 0, "max_attempts", "1 to 1000"),
        (bounds.check_max_attempts, 1_001, "max_attempts", "1 to 1000"),
        pytest.param(bounds.check_max_attempts, 10**5_000, "max_attempts", "1 to 1000", id="huge attempts"),
        (bounds.check_max_attempts, True, "max_attempts", "whole number"),
        (bounds.check_max_attempts, 2.0, "max_attempts", "whole number"),
        (bounds.check_expires_in, timedelta(0), "expires_in", "more than 0"),
        (bounds.check_expires_in, bounds.MAX_DELAY + timedelta(microseconds=1), "expires_in", "3660 days"),
        (bounds.check_expires_in, 5.0, "expires_in", "must be a timedelta"),
        (bounds.check_timeout, timedelta(0), "timeout", "more than 0"),
        (bounds.check_timeout, timedelta(days=30, microseconds=1), "timeout", "2592000 seconds"),
        (bounds.check_timeout, 5.0, "timeout", "must be a timedelta"),
        (duration, float("nan"), "delay_seconds", "finite"),
        (duration, float("-inf"), "delay_seconds", "finite"),
        (duration, 1e300, "delay_seconds", "3660 days"),
        pytest.param(duration, 10**5_000, "delay_seconds", "3660 days", id="huge seconds"),
        (duration, True, "delay_seconds", "number of seconds"),
        (duration, "5", "delay_seconds", "number of seconds"),
    ],
)
def test_values_beyond_are_refused_in_a_sentence(check: Check, value: object, field: str, rule: str) -> None:
    with pytest.raises(InvalidArgument) as refusal:
        check(value)
    sentence = refusal.value.message
    assert sentence.startswith(f"The field {field} ")
    assert rule in sentence
    assert sentence.endswith(".")
    assert len(sentence) < 400
    assert sentence.isprintable()
    assert refusal.value.detail == {"field": field}


def test_the_field_can_be_named_as_the_caller_knows_it() -> None:
    with pytest.raises(InvalidArgument, match=r"^The field delay_seconds is ") as refusal:
        bounds.check_delay(timedelta(-1), field="delay_seconds")
    assert refusal.value.detail["field"] == "delay_seconds"


def test_instants_are_returned_in_utc() -> None:
    given_at = datetime(2026, 6, 1, 12, tzinfo=timezone(timedelta(hours=2)))
    checked = bounds.check_run_at(given_at)
    assert checked == given_at
    assert checked.tzinfo is UTC


def test_tags_lose_repetitions_and_a_set_gets_an_order() -> None:
    assert bounds.check_tags(("b", "a", "b")) == ["b", "a"]
    assert bounds.check_tags({"b", "c", "a"}) == ["a", "b", "c"]
    assert bounds.check_tags(frozenset({"b", "a"})) == ["a", "b"]


def test_twenty_different_tags_may_be_repeated() -> None:
    assert len(bounds.check_tags([str(number % 20) for number in range(100)])) == 20


@pytest.mark.parametrize(("seconds", "delay"), [(0, 0), (1.5, 1.5), (-3, -3), (2**31, 2**31)])
def test_seconds_become_a_timedelta(seconds: float, delay: float) -> None:
    assert duration(seconds) == timedelta(seconds=delay)


@given(st.text(st.characters(exclude_categories=()), max_size=50))
def test_storable_text_is_storable_and_leaves_the_rest_alone(text: str) -> None:
    stored = bounds.storable_text(text)
    stored.encode("utf-8")
    assert "\0" not in stored
    if "\0" not in text and not any("\ud800" <= char <= "\udfff" for char in text):
        assert stored == text


def test_what_cannot_be_stored_stays_readable() -> None:
    assert bounds.storable_text("a\0b\ud800c") == r"a\x00b\ud800c"


@pytest.mark.parametrize(
    "make",
    [
        lambda: "x" * 10**6,
        lambda: b"x" * 10**6,
        lambda: list(range(10**5)),
        lambda: 10**100_000,
        lambda: "\ud800\0",
        object,
    ],
)
def test_anything_can_be_shown_shortly(make: Callable[[], object]) -> None:
    assert len(bounds.shown(make())) < 120
    assert bounds.shown(make()).isprintable()
