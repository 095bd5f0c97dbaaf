"""Backoff and the choice of what is retried."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rowlock.domain.bounds import MAX_ATTEMPTS, MAX_DELAY
from rowlock.domain.errors import InvalidArgument
from rowlock.domain.retry import Jitter, RetryPolicy

SECOND = timedelta(seconds=1)
HIGHEST = 1 - 2**-53  # the largest number that random() returns

policies = st.builds(
    lambda base, more, factor, jitter: RetryPolicy(base=base, cap=base + more, factor=factor, jitter=jitter),
    base=st.timedeltas(timedelta(0), timedelta(days=100)),
    more=st.timedeltas(timedelta(0), timedelta(days=100)),
    factor=st.floats(1, 1e6) | st.integers(1, 1_000_000),
    jitter=st.sampled_from(["full", "none", "equal"]),
)


def zero() -> float:
    return 0.0


@pytest.mark.parametrize(
    ("attempt", "seconds"), [(1, 1), (2, 2), (3, 4), (4, 8), (9, 256), (10, 300), (11, 300), (1_000, 300)]
)
def test_without_jitter_the_wait_doubles_up_to_its_cap(attempt: int, seconds: int) -> None:
    assert RetryPolicy(jitter="none").delay(attempt, zero) == timedelta(seconds=seconds)


def test_full_jitter_takes_all_of_the_range_and_equal_its_upper_half() -> None:
    full, equal = RetryPolicy(), RetryPolicy(jitter="equal")
    assert full.delay(3, zero) == timedelta(0)
    assert full.delay(3, lambda: 0.5) == 2 * SECOND
    assert equal.delay(3, zero) == 2 * SECOND
    assert equal.delay(3, lambda: 0.5) == 3 * SECOND


def test_full_jitter_is_spread_evenly() -> None:
    random = Random(7)
    delays = [RetryPolicy().delay(4, random.random) for _ in range(2_000)]
    assert max(delays) <= 8 * SECOND
    assert abs(sum(delays, timedelta(0)) / 2_000 - 4 * SECOND) < SECOND / 4


@given(policies, st.integers(1, MAX_ATTEMPTS), st.floats(0, HIGHEST))
def test_a_wait_lies_between_zero_and_the_cap(policy: RetryPolicy, attempt: int, chance: float) -> None:
    assert timedelta(0) <= policy.delay(attempt, lambda: chance) <= policy.cap


@given(policies, st.integers(1, MAX_ATTEMPTS - 1), st.floats(0, HIGHEST))
def test_a_later_wait_is_never_shorter(policy: RetryPolicy, attempt: int, chance: float) -> None:
    assert policy.delay(attempt, lambda: chance) <= policy.delay(attempt + 1, lambda: chance)


@pytest.mark.parametrize(("base", "longest"), [(timedelta(0), timedelta(0)), (SECOND, MAX_DELAY)])
def test_a_power_too_large_for_a_float_is_the_cap(base: timedelta, longest: timedelta) -> None:
    policy = RetryPolicy(base=base, factor=1e6, cap=MAX_DELAY, jitter="none")
    assert policy.delay(MAX_ATTEMPTS, zero) == longest


def test_errors_are_chosen_by_class_and_giving_up_has_the_say() -> None:
    policy = RetryPolicy(retry_on=(OSError, ValueError), give_up_on=(FileNotFoundError, UnicodeError))
    assert policy.retryable(OSError())
    assert policy.retryable(ConnectionResetError())
    assert policy.retryable(ValueError())
    assert not policy.retryable(FileNotFoundError())
    assert not policy.retryable(UnicodeDecodeError("utf-8", b"", 0, 1, "bad"))
    assert not policy.retryable(KeyError())


def test_by_default_errors_are_retried_and_exits_are_not() -> None:
    assert RetryPolicy().retryable(RuntimeError())
    assert not RetryPolicy().retryable(SystemExit())
    assert not RetryPolicy(retry_on=()).retryable(RuntimeError())


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"base": -SECOND}, "base"),
        ({"base": 1}, "base"),
        ({"cap": MAX_DELAY + SECOND}, "cap"),
        ({"base": 2 * SECOND, "cap": SECOND}, "cap"),
        ({"factor": 0.5}, "factor"),
        ({"factor": float("nan")}, "factor"),
        ({"factor": float("inf")}, "factor"),
        ({"factor": True}, "factor"),
        ({"factor": "2"}, "factor"),
        ({"jitter": "some"}, "jitter"),
        ({"max_attempts": 0}, "max_attempts"),
        ({"max_attempts": 1_001}, "max_attempts"),
        ({"retry_on": ValueError}, "retry_on"),
        ({"retry_on": (int,)}, "retry_on"),
        ({"give_up_on": ("ValueError",)}, "give_up_on"),
    ],
)
def test_a_policy_that_makes_no_sense_is_refused(wrong: Mapping[str, Any], field: str) -> None:
    with pytest.raises(InvalidArgument, match=rf"^The field {field} is .*\.$") as refusal:
        RetryPolicy(**wrong)
    assert refusal.value.detail == {"field": field}


@pytest.mark.parametrize("jitter", ["full", "none", "equal"])
def test_a_policy_is_a_value(jitter: Jitter) -> None:
    assert RetryPolicy(jitter=jitter) == RetryPolicy(jitter=jitter)
    assert hash(RetryPolicy(jitter=jitter)) == hash(RetryPolicy(jitter=jitter))
