"""What keeps a value from being stored as JSON, and the path to it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from decimal import Decimal
from enum import Enum, IntEnum, StrEnum
from uuid import UUID

import orjson
import pytest

from rowlock.domain.bounds import MAX_NESTING
from rowlock.domain.json_flaws import LARGEST_INT, SMALLEST_INT, flaw_in


class Colour(Enum):
    RED = "red"
    BROKEN = float("nan")


class Shade(StrEnum):
    DARK = "dark"


class Level(IntEnum):
    TOP = 9


@dataclass
class Point:
    x: object = 1
    _hidden: object = field(default=float("nan"))


def nested(levels: int) -> object:
    value: object = []
    for _ in range(levels - 1):
        value = [value]
    return value


def flaw(value: object) -> str | None:
    return flaw_in(value, max_nesting=MAX_NESTING)


@pytest.mark.parametrize(
    "value",
    [
        None,
        True,
        0,
        SMALLEST_INT,
        LARGEST_INT,
        -1.5e308,
        "text 🎉",
        {"a": [1, (2, {"b": None})]},
        [Colour.RED, Shade.DARK, Level.TOP],
        UUID(int=1),
        [date(2026, 1, 1), time(1), datetime(2026, 1, 1, tzinfo=UTC)],
        Point(),
        nested(MAX_NESTING),
    ],
)
def test_sound_values_have_no_flaw_and_are_written(value: object) -> None:
    assert flaw(value) is None
    assert orjson.loads(orjson.dumps(value)) is not ...


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ({"a": [0, 1, 2, {"b": float("nan")}]}, "holds the number nan, at $.a[3].b"),
        ([float("-inf")], "holds the number -inf, at $[0]"),
        ("a\0b", "holds a NUL character, at $"),
        ({"x y": ["\ud800"]}, "holds a lone surrogate, at $['x y'][0]"),
        ({"a\0": 1}, r"holds a NUL character, at $['a\x00']"),
        ({"\udfff": 1}, r"holds a lone surrogate, at $['\udfff']"),
        ({"a": {1: 2}}, "has the key 1, which is not text, at $.a[1]"),
        ({Shade.DARK: 2}, "has the key <Shade.DARK: 'dark'>, which is not text, at $.dark"),
        ({"n": LARGEST_INT + 1}, "holds an integer beyond 64 bits (send it as text), at $.n"),
        ({"n": SMALLEST_INT - 1}, "holds an integer beyond 64 bits (send it as text), at $.n"),
        ([Colour.BROKEN], "holds the number nan, at $[0]"),
        ([Point(x="\0")], "holds a NUL character, at $[0].x"),
        ([Decimal(1)], "holds a Decimal, which JSON does not know, at $[0]"),
        ({"a": {1, 2}}, "holds a set, which JSON does not know, at $.a"),
        ([Point], "holds a type, which JSON does not know, at $[0]"),
        (b"bytes", "holds a bytes, which JSON does not know, at $"),
    ],
)
def test_a_flaw_is_named_with_its_path(value: object, found: str) -> None:
    assert flaw(value) == found


@pytest.mark.parametrize("levels", [MAX_NESTING + 1, 100_000])
def test_too_deep_nesting_is_found_without_exhausting_the_stack(levels: int) -> None:
    found = flaw(nested(levels))
    assert found is not None
    assert found.startswith(f"is nested deeper than {MAX_NESTING} levels, at $[0][0]")
    assert len(found) < 250


def test_a_value_that_contains_itself_is_nested_too_deep() -> None:
    endless: dict[str, object] = {}
    endless["me"] = endless
    assert (flaw(endless) or "").startswith("is nested deeper than 64 levels, at $.me.me")


def test_scalars_need_no_level() -> None:
    assert flaw_in("text", max_nesting=0) is None
    assert flaw_in([], max_nesting=0) == "is nested deeper than 0 levels, at $"
    assert flaw_in([1], max_nesting=1) is None
