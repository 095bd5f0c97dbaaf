"""Waiting for a state: the first true value counts, and a failure names the last one."""

from __future__ import annotations

import itertools
from datetime import timedelta

import pytest
from tests.harness.eventually import eventually, eventually_sync

AT_ONCE = timedelta(0)


async def test_it_returns_the_first_true_value_of_either_kind_of_condition() -> None:
    numbers = itertools.count()

    async def third() -> int:
        number = next(numbers)
        return number if number >= 3 else 0

    assert await eventually(third) == 3
    assert await eventually(lambda: next(numbers)) == 4
    assert eventually_sync(lambda: next(numbers)) == 5


async def test_it_looks_at_least_once_even_without_time() -> None:
    assert await eventually(lambda: "there", within=AT_ONCE) == "there"
    assert eventually_sync(lambda: "there", within=AT_ONCE) == "there"


async def test_it_fails_with_the_name_and_the_last_value() -> None:
    async def never_done() -> list[str]:
        return []

    with pytest.raises(AssertionError, match=r"never_done did not come true within 0 s: .*\[\]"):
        await eventually(never_done, within=AT_ONCE)
    with pytest.raises(AssertionError, match="its last value was None"):
        eventually_sync(lambda: None, within=timedelta(milliseconds=20))


def test_what_a_condition_raises_passes_through() -> None:
    with pytest.raises(ZeroDivisionError):
        eventually_sync(lambda: 1 / 0)
