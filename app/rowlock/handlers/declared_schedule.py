"""A schedule that code declares beside the handler of its tasks: checked at once, stored when the code is deployed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rowlock.domain.errors import InvalidArgument
from rowlock.domain.schedule_requests import ScheduleRequest, schedule_request
from rowlock.handlers.handler import Handler


def declare_schedule(
    handler: Handler, *, name: str | None, payload: Mapping[str, Any] | None, options: Mapping[str, Any]
) -> ScheduleRequest:
    """The schedule; its tasks have the handler's defaults, and its payload must fit the handler's types.

    Raises `InvalidArgument`, whose `field` is the option, and `InvalidPayload`.
    """
    defaults = {
        "queue": handler.queue,
        "priority": handler.priority,
        "max_attempts": handler.max_attempts,
        "timeout": handler.timeout,
        "tags": handler.tags,
        "payload_version": handler.payload_version,
    }
    given = {option: value for option, value in options.items() if value is not None}
    if "tz" in given:
        given["timezone"] = given.pop("tz")
    try:
        return schedule_request(
            handler.name if name is None else name,
            handler.name,
            payload=handler.arguments.payload((), dict(payload or {})),
            **{**defaults, **given},
        )
    except InvalidArgument as error:
        if name is None and error.detail.get("field") == "name":
            raise InvalidArgument(
                f"The handler's name {handler.name!r} cannot be a schedule's name: give the schedule a name=.",
                field="name",
            ) from error
        raise
