"""The rule of a schedule, as callers give it: one of four arguments, each of which is a kind of trigger."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NoReturn

from rowlock.domain import bounds
from rowlock.domain.errors import InvalidArgument
from rowlock.domain.triggers import TRIGGER_KINDS, TriggerKind

MAX_RULE_TEXT = 200

Interval = timedelta | float | str
Once = datetime | str


def read_rule(
    *, cron: str | None, interval: Interval | None, once: Once | None, calendar: str | None
) -> tuple[TriggerKind, str]:
    """Kind and expression of the one rule that is given, not yet read. Raises `InvalidArgument`."""
    given = {"cron": cron, "interval": interval, "once": once, "calendar": calendar}
    kinds = [kind for kind in TRIGGER_KINDS if given[kind] is not None]
    if len(kinds) != 1:
        raise InvalidArgument(
            f"Give one of {', '.join(TRIGGER_KINDS[:-1])} or {TRIGGER_KINDS[-1]}: a schedule has one rule.",
            field=kinds[0] if kinds else "cron",
        )
    return kinds[0], _expression(kinds[0], given[kinds[0]])


def _expression(kind: TriggerKind, value: object) -> str:
    if isinstance(value, str):
        if len(value) > MAX_RULE_TEXT:
            _refuse(kind, value, f"must have at most {MAX_RULE_TEXT} characters")
        return value
    if kind == "once" and isinstance(value, datetime):
        return value.isoformat()
    if kind != "interval":
        _refuse(kind, value, "must be a datetime or text" if kind == "once" else "must be text")
    span = value if isinstance(value, timedelta) else bounds.duration(value, field=kind)
    return f"{span.total_seconds():.6f}".rstrip("0").rstrip(".")


def _refuse(field: str, value: object, rule: str) -> NoReturn:
    raise InvalidArgument(f"The field {field} is {bounds.shown(value)}, but {rule}.", field=field)
