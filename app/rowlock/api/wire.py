"""Types of fields that several bodies and queries share: checked by the domain's bounds, described for OpenAPI."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Annotated, Any, TypeVar
from uuid import UUID

from pydantic import AfterValidator, BeforeValidator, WithJsonSchema

from rowlock.domain import bounds
from rowlock.domain.errors import InvalidArgument
from rowlock.domain.ids import parse_id
from rowlock.domain.priorities import Priority, parse_priority

T = TypeVar("T")
Checker = Callable[[Any], T]  # Any: it takes whatever was sent
_SHOWN_AS = "value"


def checked(check: Checker[T]) -> Checker[T]:
    """A check of the domain as pydantic takes it: its sentence becomes the reason of one field among others."""

    def by_pydantic(value: Any) -> T:
        try:
            return check(value)
        except InvalidArgument as error:
            raise ValueError(error.message.replace("The field value is", "This is")) from error

    return by_pydantic


def _named(check: Callable[..., T]) -> Checker[T]:
    return checked(partial(check, field=_SHOWN_AS))


def _instant(value: object) -> datetime:
    if not isinstance(value, str):
        raise InvalidArgument("This must be text, an instant such as 2030-01-31T08:00:00Z.")
    try:
        instant = datetime.fromisoformat(value)
    except ValueError as error:
        raise InvalidArgument(
            f"This is {bounds.shown(value)}, but must be an instant of the years 1970 to 9998, "
            "such as 2030-01-31T08:00:00Z."
        ) from error
    return bounds.check_run_at(instant, field=_SHOWN_AS)


def _seconds(check: Callable[..., timedelta]) -> Checker[timedelta]:
    def read(value: object) -> timedelta:
        duration = bounds.duration(value, field=_SHOWN_AS)
        try:
            return check(duration, field=_SHOWN_AS)
        except InvalidArgument as error:
            # In the unit that was sent: a timedelta of -1 s reads "-1 day, 23:59:59".
            raise InvalidArgument(error.message.replace(bounds.shown(duration), f"{value} seconds")) from error

    return checked(read)


def _key(value: object) -> str:
    return bounds.check_key(_SHOWN_AS, value)


def _text_schema(longest: int, pattern: str | None = None, **more: object) -> WithJsonSchema:
    schema: dict[str, object] = {"type": "string", "minLength": 1, "maxLength": longest, **more}
    return WithJsonSchema(schema if pattern is None else {**schema, "pattern": pattern})


STORABLE = r"^[^\u0000]*$"
NAME_PATTERN = r"^[A-Za-z0-9_][A-Za-z0-9_.:/-]*$"
QUEUE_PATTERN = r"^[A-Za-z0-9_][A-Za-z0-9_.:-]*$"

TaskName = Annotated[str, AfterValidator(_named(bounds.check_name)), _text_schema(bounds.MAX_NAME, NAME_PATTERN)]
QueueName = Annotated[str, AfterValidator(_named(bounds.check_queue)), _text_schema(bounds.MAX_QUEUE, QUEUE_PATTERN)]
Tag = Annotated[
    str,
    AfterValidator(checked(lambda tag: bounds.check_tags([tag], field=_SHOWN_AS)[0])),
    _text_schema(bounds.MAX_TAG, STORABLE),
]
Key = Annotated[str, AfterValidator(checked(_key)), _text_schema(bounds.MAX_KEY, STORABLE)]
FlowKey = Annotated[str, AfterValidator(_named(bounds.check_flow_key)), _text_schema(bounds.MAX_FLOW_KEY, STORABLE)]
Instant = Annotated[
    datetime, BeforeValidator(checked(_instant)), WithJsonSchema({"type": "string", "format": "date-time"})
]
Delay = Annotated[
    timedelta,
    BeforeValidator(_seconds(bounds.check_delay)),
    WithJsonSchema({"type": "number", "minimum": 0, "maximum": bounds.MAX_DELAY.total_seconds()}),
]
Seconds = Annotated[
    float,
    BeforeValidator(checked(lambda value: bounds.duration(value, field=_SHOWN_AS).total_seconds())),
    WithJsonSchema({"type": "number", "exclusiveMinimum": 0, "maximum": bounds.MAX_DELAY.total_seconds()}),
]
Timeout = Annotated[
    timedelta,
    BeforeValidator(_seconds(bounds.check_timeout)),
    WithJsonSchema({"type": "number", "exclusiveMinimum": 0, "maximum": bounds.MAX_TIMEOUT_SECONDS}),
]
Lifetime = Annotated[
    timedelta,
    BeforeValidator(_seconds(bounds.check_expires_in)),
    WithJsonSchema({"type": "number", "exclusiveMinimum": 0, "maximum": bounds.MAX_DELAY.total_seconds()}),
]
Attempts = Annotated[
    int,
    AfterValidator(_named(bounds.check_max_attempts)),
    WithJsonSchema({"type": "integer", "minimum": 1, "maximum": bounds.MAX_ATTEMPTS}),
]
PriorityField = Annotated[
    Priority,
    BeforeValidator(checked(parse_priority)),
    WithJsonSchema(
        {
            "oneOf": [
                {"type": "string", "enum": [priority.label for priority in Priority]},
                {"type": "integer", "minimum": 0, "maximum": 3},
            ],
            "description": "critical (0), high (1), normal (2) or low (3).",
        }
    ),
]
TaskId = Annotated[UUID, BeforeValidator(_named(parse_id)), WithJsonSchema({"type": "string", "format": "uuid"})]


def utc(instant: datetime | None) -> datetime | None:
    """The instant in UTC, so that JSON ends it with Z whatever the database's time zone."""
    return None if instant is None else instant.astimezone(UTC)
