"""What people may write for a cron schedule, and the sentence that refuses anything else."""

from __future__ import annotations

from typing import NoReturn

from cronsim import CronSimError

from rowlock.domain.bounds import shown
from rowlock.domain.cron_fields import CRON_FIELDS, normal_field
from rowlock.domain.cron_rule import FIRST_DAY, LAST_OF_ALL_DAYS, read_rule
from rowlock.domain.cron_trigger import CronTrigger
from rowlock.domain.errors import InvalidArgument
from rowlock.domain.time_zones import find_zone

MAX_EXPRESSION = 200  # characters: a list of all sixty minutes fits

MACROS = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}


def parse_cron(expression: object, timezone: str, *, allow_seconds: bool = True) -> CronTrigger:
    """Five fields (minute, hour, day of month, month, day of week), six with the seconds first, or
    a macro such as `@daily`. Raises `InvalidArgument` that names the wrong part and the reason."""
    if not isinstance(expression, str):
        _refuse(expression, "it must be text")
    if len(expression) > MAX_EXPRESSION:
        _refuse(expression, f"it has {len(expression)} characters, but must have at most {MAX_EXPRESSION}")
    parts = _expanded(expression).upper().split()
    if len(parts) == 6 and not allow_seconds:
        _refuse(expression, "it must have 5 fields: one with seconds must be allowed explicitly")
    if len(parts) not in {5, 6}:
        counts = "5 or 6" if allow_seconds else "5"
        _refuse(expression, f"it must have {counts} fields, but has {len(parts)}")
    try:
        fields = " ".join(map(normal_field, CRON_FIELDS[-len(parts) :], parts))
    except ValueError as error:
        _refuse(expression, str(error))
    find_zone(timezone)
    if not _ever_comes(fields):
        _refuse(expression, "it never comes: no date matches its day of month, month and day of week")
    return CronTrigger(fields, timezone)


def _expanded(expression: str) -> str:
    text = expression.strip().lower()
    if text == "@reboot":
        _refuse(expression, "@reboot names no time, and a schedule outlives every restart")
    if text.startswith("@") and text not in MACROS:
        _refuse(expression, f"the macros are {', '.join(MACROS)}")
    return MACROS.get(text, expression)


def _ever_comes(fields: str) -> bool:
    """Whether a date matches. cronsim refuses some rules that have none at once."""
    try:
        return any(read_rule(fields).days(FIRST_DAY, LAST_OF_ALL_DAYS))
    except CronSimError:
        return False


def _refuse(expression: object, reason: str) -> NoReturn:
    raise InvalidArgument(f"The expression {shown(expression)} is not a cron rule: {reason}.", field="expression")
