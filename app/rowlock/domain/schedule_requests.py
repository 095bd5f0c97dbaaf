"""What a caller asks for when it makes a schedule: one validated, frozen value for every entrance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NoReturn

from rowlock.domain import bounds
from rowlock.domain.errors import InvalidArgument
from rowlock.domain.payloads import encode_json
from rowlock.domain.priorities import Priority, parse_priority
from rowlock.domain.triggers import Trigger, TriggerKind, parse_trigger
from rowlock.domain.windows import MAX_CATCH_UP, MissedRunPolicy

MAX_INTERVAL_TEXT = 200

Interval = timedelta | float | str


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleRequest:
    """A schedule to be stored. `payload` is JSON text, already checked."""

    name: str
    task_name: str
    trigger_kind: TriggerKind
    expression: str
    timezone: str = "UTC"
    anchor_at: datetime | None = None
    missed_run_policy: MissedRunPolicy = MissedRunPolicy.LATEST_ONLY
    max_catch_up: int = 100
    payload: str = "{}"
    queue: str = "default"
    priority: Priority = Priority.NORMAL
    max_attempts: int = 4
    timeout: timedelta | None = None
    tags: tuple[str, ...] = ()

    def trigger(self, anchor: datetime) -> Trigger:
        """The rule; intervals count from `anchor_at`, or from `anchor` where the request leaves it open."""
        return parse_trigger(self.trigger_kind, self.expression, self.timezone, self.anchor_at or anchor)


def schedule_request(
    name: str,
    task_name: str,
    *,
    cron: str | None = None,
    interval: Interval | None = None,
    timezone: str = "UTC",
    anchor_at: datetime | None = None,
    missed_run_policy: MissedRunPolicy | str = MissedRunPolicy.LATEST_ONLY,
    max_catch_up: int = 100,
    payload: Mapping[str, Any] | str | None = None,
    queue: str = "default",
    priority: Priority | str | int = Priority.NORMAL,
    max_attempts: int = 4,
    timeout: timedelta | float | None = None,
    tags: Sequence[str] = (),
    max_payload_bytes: int = 1_048_576,
) -> ScheduleRequest:
    """Checks every part; raises `InvalidArgument` (`InvalidPayload`, `PayloadTooLarge`) whose `field` is the argument.

    The rule is `cron` (five fields, six with seconds first, or `@daily` and its kin) on the clocks of `timezone`, or
    `interval` (timedelta, seconds, or text such as `1h30m`) counted from `anchor_at`, or from the schedule's making.
    A payload given as `str` is JSON text that the caller has encoded and checked already.
    """
    kind, expression = _rule(cron, interval)
    if type(max_catch_up) is not int or not 1 <= max_catch_up <= MAX_CATCH_UP:
        _refuse("max_catch_up", max_catch_up, f"must be a whole number from 1 to {MAX_CATCH_UP}")
    request = ScheduleRequest(
        name=bounds.check_queue(name, field="name"),  # like a queue's, it is one segment of a URL
        task_name=bounds.check_name(task_name, field="task_name"),
        trigger_kind=kind,
        expression=expression,
        timezone=timezone,
        anchor_at=None if anchor_at is None else bounds.check_run_at(anchor_at, field="anchor_at"),
        missed_run_policy=_policy(missed_run_policy),
        max_catch_up=max_catch_up,
        payload=payload if isinstance(payload, str) else _json_object(payload, max_payload_bytes),
        queue=bounds.check_queue(queue),
        priority=parse_priority(priority),
        max_attempts=bounds.check_max_attempts(max_attempts),
        timeout=None if timeout is None else bounds.check_timeout(_timedelta(timeout, "timeout")),
        tags=tuple(bounds.check_tags(tags)),
    )
    _check_trigger(request)
    return request


def _rule(cron: object, interval: object) -> tuple[TriggerKind, str]:
    if (cron is None) == (interval is None):
        raise InvalidArgument("Give either cron or interval: a schedule has one rule.", field="cron")
    if cron is not None:
        if not isinstance(cron, str):
            _refuse("cron", cron, "must be text")
        return "cron", cron
    if isinstance(interval, str):
        if len(interval) > MAX_INTERVAL_TEXT:
            _refuse("interval", interval, f"must have at most {MAX_INTERVAL_TEXT} characters")
        return "interval", interval
    return "interval", f"{_timedelta(interval, 'interval').total_seconds():.6f}".rstrip("0").rstrip(".")


def _policy(value: object) -> MissedRunPolicy:
    found = next((policy for policy in MissedRunPolicy if policy == value), None)
    if found is None:
        _refuse("missed_run_policy", value, "must be catch_up, latest_only or skip")
    return found


def _check_trigger(request: ScheduleRequest) -> None:
    """The rule's own refusals, under the name that the caller gave it."""
    try:
        request.trigger(bounds.EARLIEST)
    except InvalidArgument as error:
        field = error.detail.get("field")
        renamed = {"expression": request.trigger_kind, "anchor": "anchor_at"}.get(str(field), field)
        raise InvalidArgument(error.message, field=renamed) from error


def _timedelta(value: object, field: str) -> timedelta:
    return value if isinstance(value, timedelta) else bounds.duration(value, field=field)


def _json_object(value: object, max_bytes: int) -> str:
    if value is None:
        return "{}"
    if not isinstance(value, Mapping):
        _refuse("payload", value, "must be a JSON object")
    return encode_json(dict(value), what="payload", max_bytes=max_bytes).decode()


def _refuse(field: str, value: object, rule: str) -> NoReturn:
    raise InvalidArgument(f"The field {field} is {bounds.shown(value)}, but {rule}.", field=field)
