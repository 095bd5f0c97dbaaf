"""What steps return, as JSON and back: by the function's annotation where there is one."""

from __future__ import annotations

import functools
import math
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import Enum
from typing import Any
from uuid import UUID

import orjson
import pytest
from pydantic import BaseModel, Field

from rowlock.domain.errors import StepNotKept
from rowlock.handlers.step_results import decode_result, encode_result

WHAT = "result of step 'one'"


class Odd:
    """Nothing that pydantic could build."""


class Colour(Enum):
    RED = "red"


class Model(BaseModel):
    price: Decimal = Field(alias="the price")


@dataclass
class Receipt:
    number: int
    paid_on: date
    tags: tuple[str, ...] = ()

    def again(self) -> Receipt:
        return self

    def __call__(self) -> set[int]:
        return {1}


RECEIPT = Receipt(7, date(2026, 2, 3), ("a",))


def plain() -> Receipt: ...  # type: ignore[empty-body]
async def on_the_loop() -> Receipt: ...  # type: ignore[empty-body]
def awaitable() -> Awaitable[Receipt]: ...  # type: ignore[empty-body]
def several() -> dict[UUID, list[Colour | None]]: ...  # type: ignore[empty-body]
def model() -> Model: ...  # type: ignore[empty-body]
def numbers() -> list[float]: ...  # type: ignore[empty-body]
def unknown() -> Nowhere: ...  # type: ignore[name-defined]  # noqa: F821
def unbuildable() -> Odd: ...  # type: ignore[empty-body]
def raw() -> bytes: ...  # type: ignore[empty-body]
def anything(): ...  # type: ignore[no-untyped-def]


def there_and_back(function: Callable[..., Any], value: object) -> Any:
    text = encode_result(function, value, what=WHAT, max_bytes=1_000)
    return decode_result(function, orjson.loads(text), what=WHAT)


@pytest.mark.parametrize(
    ("function", "value"),
    [
        (plain, RECEIPT),
        (on_the_loop, RECEIPT),
        (awaitable, RECEIPT),
        (functools.partial(functools.partial(plain)), RECEIPT),
        (RECEIPT.again, RECEIPT),
        (Receipt, RECEIPT),
        (RECEIPT, {1}),
        (several, {UUID(int=1): [Colour.RED, None]}),
        (model, Model.model_validate({"the price": "1.50"})),
        (numbers, [1.0, 1e300]),
    ],
)
def test_what_is_annotated_comes_back_as_it_was(function: Callable[..., Any], value: object) -> None:
    assert there_and_back(function, value) == value


@pytest.mark.parametrize("function", [anything, lambda: 1, unknown, unbuildable, print, dict])
def test_what_is_not_comes_back_as_json(function: Callable[..., Any]) -> None:
    assert there_and_back(function, {"pair": (1, 2), "on": date(2026, 2, 3)}) == {"pair": [1, 2], "on": "2026-02-03"}


@pytest.mark.parametrize(
    ("function", "value", "said"),
    [
        (anything, object(), "holds a object, which JSON does not know, at $. Return what can be written as JSON."),
        (numbers, [math.nan], "holds the number nan, at $[0]. Return what can be written as JSON."),
        (anything, "x" * 999, "has 1001 bytes, but may have at most 1000. Keep it elsewhere and return its name."),
        (plain, 5, "is not what the function says to return: Input should be an object."),
        (plain, {"number": "x", "paid_on": "2026-02-03"}, "is not what the function says to return: number: Input"),
        (raw, b"\xff", "is not JSON: "),
    ],
)
def test_what_cannot_be_kept_is_refused_before_it_is_lost(
    function: Callable[..., Any], value: object, said: str
) -> None:
    with pytest.raises(StepNotKept) as refused:
        encode_result(function, value, what=WHAT, max_bytes=1_000)
    assert refused.value.message.startswith(f"The {WHAT} {said}")
    assert refused.value.message.endswith(".")


def test_what_was_kept_for_another_function_is_told_so() -> None:
    with pytest.raises(StepNotKept, match="use another name for a step that has changed"):
        decode_result(plain, "text", what=WHAT)
