"""Arguments: checked by the handler's annotations when a task is enqueued, and again when it runs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal
from uuid import UUID, uuid4

import pytest
from pydantic import BaseModel, Field
from tests.harness.installation import Installation

from rowlock import Context, Rowlock
from rowlock.domain.errors import ConfigurationError, InvalidPayload, PayloadTooLarge
from rowlock.testing import drain, enqueued, inline


class Size(StrEnum):
    SMALL = "s"
    LARGE = "l"


@dataclass
class Line:
    sku: str
    count: int = 1


class Order(BaseModel):
    id: UUID = Field(default_factory=uuid4)
    lines: list[Line] = []
    note: str | None = None


class Measure(BaseModel):
    value: float | None


async def test_rich_types_come_back_as_they_went(bare_app: Rowlock) -> None:
    seen: dict[str, Any] = {}

    @bare_app.task
    async def take(  # noqa: PLR0917 - as many types as there are
        order: Order,
        size: Size,
        price: Decimal,
        day: date,
        instant: datetime,
        wait: timedelta,
        path: Path,
        pair: tuple[int, str],
        words: set[str],
        data: bytes,
        choice: Literal["a", "b"],
        count: Annotated[int, Field(ge=1)],
        *,
        optional: int | None = None,
    ) -> None:
        seen.update(locals())

    given: dict[str, Any] = {
        "order": Order(lines=[Line("x", 2)]),
        "size": Size.LARGE,
        "price": Decimal("19.90"),
        "day": date(2026, 2, 3),
        "instant": datetime(2026, 2, 3, 4, 5, 6, 7, tzinfo=UTC),
        "wait": timedelta(minutes=5, microseconds=1),
        "path": Path("/tmp/x"),
        "pair": (1, "one"),
        "words": {"a", "b"},
        "data": b"bytes",
        "choice": "b",
        "count": 3,
    }
    with inline(bare_app):
        await take.enqueue(**given)
    seen.pop("seen", None)
    assert {name: seen[name] for name in given} == given
    assert seen["optional"] is None


async def test_what_a_value_chose_for_itself_is_kept(bare_app: Rowlock) -> None:
    """A default_factory inside a value has run when the task is enqueued: the handler must not see another id."""
    seen: list[Order] = []

    @bare_app.task
    async def ship(order: Order) -> None:
        seen.append(order)

    order = Order()
    with inline(bare_app) as tasks:
        await ship.enqueue(order)
    assert seen == [order]
    assert tasks.tasks[0].payload["order"]["id"] == str(order.id)


async def test_extra_keywords_are_taken_where_the_handler_takes_them(bare_app: Rowlock) -> None:
    seen: dict[str, Any] = {}

    @bare_app.task
    async def take(first: int, **others: Any) -> None:
        seen.update(first=first, others=others)

    with inline(bare_app) as tasks:
        await take.enqueue(1, colour="red", field_0="tricky", model_config={"x": 1})
    assert seen == {"first": 1, "others": {"colour": "red", "field_0": "tricky", "model_config": {"x": 1}}}
    assert tasks.tasks[0].payload == {"first": 1, **seen["others"]}


async def test_parameters_may_have_any_name(bare_app: Rowlock) -> None:
    seen: list[Any] = []

    @bare_app.task
    async def odd(schema: int, model_fields: int, _private: int, name: str, on: str, self: int) -> None:
        seen.append((schema, model_fields, _private, name, on, self))

    with inline(bare_app):
        await bare_app.enqueue(
            odd.name, {"schema": 1, "model_fields": 2, "_private": 3, "name": "n", "on": "o", "self": 4}
        )
    assert seen == [(1, 2, 3, "n", "o", 4)]


async def test_defaults_are_the_running_codes(app: Rowlock) -> None:
    """A task enqueued before a deploy runs with the defaults of the code that runs it."""

    @app.task(name="greet")
    async def old(name: str, greeting: str = "Hello") -> str:
        return f"{greeting} {name}"

    handle = await old.enqueue("Ada")
    new = Rowlock(settings=app.settings)

    @new.task(name="greet")
    async def greet(name: str, greeting: str = "Good morning", mark: str = "!") -> str:
        return f"{greeting} {name}{mark}"

    assert await drain(new) == {"succeeded": 1}
    assert (await handle.get()).result == "Good morning Ada!"


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"to": 1}, "to"),
        ({}, "to"),
        ({"to": "ada", "copies": "many"}, "copies"),
        ({"to": "ada", "colour": "red"}, "colour"),
        ({"to": "ada", "line": {"sku": 7}}, "line"),
        ({"to": "ada", "line": {"sku": "x", "count": 1.5}}, "count"),
    ],
    ids=["wrong type", "missing", "not a number", "unknown", "inside", "a fraction"],
)
async def test_what_the_types_refuse_is_not_stored(app: Rowlock, arguments: dict[str, Any], named: str) -> None:
    @app.task
    async def send(to: str, copies: int = 1, line: Line | None = None) -> None: ...

    for attempt in (send.enqueue(**arguments), app.enqueue(send.name, arguments), send.enqueue_many([arguments])):
        with pytest.raises(InvalidPayload, match=named):
            await attempt
    with pytest.raises(InvalidPayload, match=named):
        send.enqueue_sync(**arguments)
    assert await enqueued(app) == []


async def test_what_is_not_known_by_python_is_refused_at_the_run(app: Rowlock, here: Installation) -> None:
    """From psql or another language anything may come: the handler does not begin, and the dead letter says why."""
    began = False

    @app.task(name="send")
    async def send(to: str, copies: int = 1) -> None:
        nonlocal began
        began = True

    for payload in ('{"to": "ada", "copies": "many"}', "{}", '{"to": "ada", "colour": "red"}'):
        await here.query("SELECT rowlock.enqueue('send', %(payload)s::jsonb)", {"payload": payload})
    assert await drain(app) == {"failed": 3}
    assert not began
    errors = [(task.status, task.reason, task.error or "") for task in await enqueued(app, send)]
    assert [error[:2] for error in errors] == [("dead", "failed_for_good")] * 3
    assert [word in error[2] for word, error in zip(("copies", "to", "colour"), errors, strict=True)] == [True] * 3


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("a\0b", "NUL"),
        ({"key\0": 1}, "NUL"),
        ("\ud800", "surrogate"),
        ({"\udfff": 1}, "surrogate"),
        (float("nan"), "nan"),
        ([1.0, float("inf")], "inf"),
        (1e309, "inf"),
        (2**64, "64 bits"),
        (-(2**63) - 1, "64 bits"),
        pytest.param(object(), "JSON", id="object"),
        (b"\xff", "JSON|utf-8"),
    ],
    ids=lambda value: repr(value)[:30] if not isinstance(value, str) or len(value) < 4 else "",
)
async def test_what_jsonb_cannot_hold_is_refused_with_nothing_stored(app: Rowlock, value: Any, reason: str) -> None:
    @app.task
    async def take(value: Any) -> None: ...

    for attempt in (
        take.enqueue(value),
        take.enqueue([{"deep": value}]),
        app.enqueue("elsewhere", {"value": value}),
        take.enqueue_many([{"value": "fine"}, {"value": value}]),
    ):
        with pytest.raises(InvalidPayload, match=f"(?i){reason}"):
            await attempt
    with pytest.raises(InvalidPayload):
        take.enqueue_sync(value)
    assert await enqueued(app) == []


async def test_keys_that_are_not_text_become_text_where_a_type_says_how_and_are_refused_elsewhere(
    bare_app: Rowlock,
) -> None:
    seen: list[Any] = []

    @bare_app.task
    async def take(names: dict[int, str]) -> None:
        seen.append(names)

    with inline(bare_app) as tasks:
        await take.enqueue({7: "seven"})
        with pytest.raises(InvalidPayload, match="not text"):
            await bare_app.enqueue("elsewhere", {"names": {7: "seven"}})
    assert tasks.tasks[0].payload == {"names": {"7": "seven"}}
    assert seen == [{7: "seven"}]


async def test_a_number_that_json_lacks_is_found_inside_values(bare_app: Rowlock) -> None:
    @bare_app.task
    async def take(measure: Measure) -> None: ...

    for number in (float("nan"), float("-inf")):
        with pytest.raises(InvalidPayload, match=r"nan|inf"):
            await take.enqueue(Measure(value=number))


def nested(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = [value]
    return value


@pytest.mark.parametrize("levels", [64, 250, 1_000, 100_000])
async def test_what_is_nested_too_deep_is_refused(app: Rowlock, levels: int) -> None:
    @app.task
    async def take(value: Any) -> None: ...

    for attempt in (take.enqueue(nested(levels)), app.enqueue("elsewhere", {"value": nested(levels)})):
        with pytest.raises(InvalidPayload, match="nested"):
            await attempt
    assert await enqueued(app) == []


async def test_what_is_nested_as_deep_as_allowed_is_stored(app: Rowlock) -> None:
    @app.task
    async def take(value: Any) -> None: ...

    handle = await take.enqueue(nested(63))
    assert (await handle.get()).payload == {"value": nested(63)}


async def test_a_value_that_contains_itself_is_refused(bare_app: Rowlock) -> None:
    @bare_app.task
    async def take(value: Any) -> None: ...

    loop: list[Any] = []
    loop.append(loop)
    with pytest.raises(InvalidPayload):
        await take.enqueue(loop)
    with pytest.raises(InvalidPayload, match="nested"):
        await bare_app.enqueue("elsewhere", {"value": loop})


async def test_a_payload_is_bounded(app: Rowlock) -> None:
    @app.task
    async def take(value: str) -> None: ...

    largest = app.settings.max_payload_bytes - len('{"value":""}')
    assert (await take.enqueue("x" * largest)).created
    for attempt in (take.enqueue("x" * (largest + 1)), app.enqueue("elsewhere", {"value": "ü" * (largest // 2 + 1)})):
        with pytest.raises(PayloadTooLarge, match=f"at most {app.settings.max_payload_bytes}"):
            await attempt
    assert len(await enqueued(app)) == 1


class Forward(BaseModel):
    other: Later | None = None


class Later(BaseModel):
    number: int


async def test_types_may_be_named_before_they_are_made(bare_app: Rowlock) -> None:
    @bare_app.task
    async def take(forward: Forward) -> int:
        return forward.other.number if forward.other else 0

    with inline(bare_app) as tasks:
        await take.enqueue(Forward(other=Later(number=3)))
    assert tasks.tasks[0].result == 3


def test_annotations_that_cannot_be_read_are_refused_at_once(bare_app: Rowlock) -> None:
    async def unknown(value: Nowhere) -> None: ...  # type: ignore[name-defined]  # noqa: F821

    async def unfit(value: 7) -> None: ...  # type: ignore[valid-type]

    async def late(value: int, ctx: Context) -> None: ...

    for function in (unknown, unfit, late):
        with pytest.raises(ConfigurationError, match=function.__name__):
            bare_app.task(function)


async def test_a_handler_without_annotations_takes_anything(bare_app: Rowlock) -> None:
    seen: list[Any] = []

    @bare_app.task
    def take(first, second=2):  # type: ignore[no-untyped-def]
        seen.append((first, second))

    with inline(bare_app):
        await take.enqueue({"a": [1, None]})
        await take.enqueue(1, second="x")
    assert seen == [({"a": [1, None]}, 2), (1, "x")]
