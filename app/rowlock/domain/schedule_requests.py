"""What a caller asks for when it makes a schedule: one validated, frozen value for every entrance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, NoReturn, TypeVar

from rowlock.domain import bounds
from rowlock.domain.errors import InvalidArgument
from rowlock.domain.overlap import OverlapPolicy
from rowlock.domain.payloads import encode_json
from rowlock.domain.priorities import Priority, parse_priority
from rowlock.domain.schedule_rules import Interval, Once, read_rule
from rowlock.domain.triggers import COUNTED_KINDS, Trigger, TriggerKind, check_frequency, check_left, parse_trigger
from rowlock.domain.windows import MAX_CATCH_UP, MISFIRE_GRACE, MissedRunPolicy

Choice = TypeVar("Choice", bound=StrEnum)


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleRequest:
    """A schedule to be stored. `payload` is JSON text, already checked; spans are whole seconds."""

    name: str
    task_name: str
    trigger_kind: TriggerKind
    expression: str
    timezone: str = "UTC"
    anchor_at: datetime | None = None
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    jitter: timedelta = timedelta(0)
    allow_seconds: bool = False
    missed_run_policy: MissedRunPolicy = MissedRunPolicy.LATEST_ONLY
    max_catch_up: int = 100
    catch_up_window: timedelta | None = None
    misfire_grace: timedelta = MISFIRE_GRACE
    overlap_policy: OverlapPolicy = OverlapPolicy.ALLOW
    payload: str = "{}"
    payload_version: int = 1
    queue: str = "default"
    priority: Priority = Priority.NORMAL
    max_attempts: int = 4
    timeout: timedelta | None = None
    tags: tuple[str, ...] = ()

    def trigger(self, anchor: datetime, seed: str = "") -> Trigger:
        """The rule; it counts from `anchor_at`, or from `anchor` where the request leaves it open.

        `seed` tells the jitter of one schedule from that of another.
        """
        return parse_trigger(
            self.trigger_kind,
            self.expression,
            self.timezone,
            self.anchor_at or anchor,
            starts_at=self.starts_at,
            ends_at=self.ends_at,
            jitter_seconds=self.jitter.total_seconds(),
            seed=seed,
        )


def schedule_request(
    name: str,
    task_name: str,
    *,
    cron: str | None = None,
    interval: Interval | None = None,
    once: Once | None = None,
    calendar: str | None = None,
    timezone: str = "UTC",
    anchor_at: datetime | None = None,
    starts_at: datetime | None = None,
    ends_at: datetime | None = None,
    jitter: timedelta | float = 0,
    allow_seconds: bool = False,
    missed_run_policy: MissedRunPolicy | str = MissedRunPolicy.LATEST_ONLY,
    max_catch_up: int = 100,
    catch_up_window: timedelta | float | None = None,
    misfire_grace: timedelta | float = MISFIRE_GRACE,
    overlap_policy: OverlapPolicy | str = OverlapPolicy.ALLOW,
    payload: Mapping[str, Any] | str | None = None,
    payload_version: int = 1,
    queue: str = "default",
    priority: Priority | str | int = Priority.NORMAL,
    max_attempts: int = 4,
    timeout: timedelta | float | None = None,
    tags: Sequence[str] = (),
    max_payload_bytes: int = 1_048_576,
) -> ScheduleRequest:
    """Checks every part; raises `InvalidArgument` (`InvalidPayload`, `PayloadTooLarge`) whose `field` is the argument.

    The rule is `cron` (five fields, six with seconds first, or `@daily` and its kin), `interval` (timedelta, seconds,
    or text such as `1h30m`), `once` (an instant, or a date and time on the clocks of `timezone`), or `calendar`
    (`2 weeks at 03:30`). Intervals and calendar intervals count from `anchor_at`, or from the schedule's making.
    Windows less than a minute apart need `allow_seconds`. A payload given as `str` is JSON text that the caller has
    encoded and checked already.
    """
    kind, expression = read_rule(cron=cron, interval=interval, once=once, calendar=calendar)
    if type(max_catch_up) is not int or not 1 <= max_catch_up <= MAX_CATCH_UP:
        _refuse("max_catch_up", max_catch_up, f"must be a whole number from 1 to {MAX_CATCH_UP}")
    if type(allow_seconds) is not bool:
        _refuse("allow_seconds", allow_seconds, "must be true or false")
    if type(payload_version) is not int or not 1 <= payload_version <= bounds.MAX_VERSION:
        _refuse("payload_version", payload_version, f"must be a whole number from 1 to {bounds.MAX_VERSION}")
    request = ScheduleRequest(
        name=bounds.check_queue(name, field="name"),  # like a queue's, it is one segment of a URL
        task_name=bounds.check_name(task_name, field="task_name"),
        trigger_kind=kind,
        expression=expression,
        timezone=timezone,
        anchor_at=_instant(anchor_at, "anchor_at"),
        starts_at=_instant(starts_at, "starts_at"),
        ends_at=_instant(ends_at, "ends_at"),
        jitter=_span(jitter, "jitter"),
        allow_seconds=allow_seconds,
        missed_run_policy=_choice(MissedRunPolicy, missed_run_policy, "missed_run_policy"),
        max_catch_up=max_catch_up,
        catch_up_window=None if catch_up_window is None else _span(catch_up_window, "catch_up_window", least=1),
        misfire_grace=_span(misfire_grace, "misfire_grace"),
        overlap_policy=_choice(OverlapPolicy, overlap_policy, "overlap_policy"),
        payload=payload if isinstance(payload, str) else _json_object(payload, max_payload_bytes),
        payload_version=payload_version,
        queue=bounds.check_queue(queue),
        priority=parse_priority(priority),
        max_attempts=bounds.check_max_attempts(max_attempts),
        timeout=None if timeout is None else bounds.check_timeout(_timedelta(timeout, "timeout")),
        tags=tuple(bounds.check_tags(tags)),
    )
    _check_rule(request)
    return request


def _check_rule(request: ScheduleRequest) -> None:
    """The rule's own refusals, under the name that the caller gave it.

    Whether bounds leave a window of a rule that counts from its making is known when it is made, not before.
    """
    try:
        parse_trigger(
            request.trigger_kind,
            request.expression,
            request.timezone,
            bounds.EARLIEST,
            allow_seconds=request.allow_seconds,
        )
        trigger = request.trigger(bounds.EARLIEST)
        if request.anchor_at is not None or request.trigger_kind not in COUNTED_KINDS:
            check_left(trigger, request.starts_at, request.ends_at)
        check_frequency(trigger, allow_seconds=request.allow_seconds)
    except InvalidArgument as error:
        field = error.detail.get("field")
        renamed = {"expression": request.trigger_kind, "anchor": "anchor_at", "jitter_seconds": "jitter"}
        raise InvalidArgument(error.message, field=renamed.get(str(field), field)) from error


def _instant(value: datetime | None, field: str) -> datetime | None:
    return None if value is None else bounds.check_run_at(value, field=field)


def _choice(kind: type[Choice], value: object, field: str) -> Choice:
    found = next((choice for choice in kind if choice == value), None)
    if found is None:
        *others, last = kind
        _refuse(field, value, f"must be {', '.join(others)} or {last}")
    return found


def _span(value: object, field: str, *, least: int = 0) -> timedelta:
    """A span in whole seconds, as the table holds it."""
    span = _timedelta(value, field)
    if span.microseconds or not timedelta(seconds=least) <= span <= bounds.MAX_DELAY:
        _refuse(field, value, f"must be {least} seconds to {bounds.MAX_DELAY.days} days, in whole seconds")
    return span


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
