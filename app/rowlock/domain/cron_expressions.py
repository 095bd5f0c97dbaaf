"""What people may write for a cron schedule, and the sentence that refuses anything else."""

from __future__ import annotations

from typing import NoReturn

from cronsim import CronSim, CronSimError

from rowlock.domain.bounds import EARLIEST, shown
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
    """Five fields (minute, hour, day, month, weekday), six with the seconds first, or a macro such
    as `@daily`. Raises `InvalidArgument` with the field and the reason."""
    if not isinstance(expression, str) or len(expression) > MAX_EXPRESSION:
        _refuse(expression, f"it must be text of at most {MAX_EXPRESSION} characters")
    text = expression.strip().lower()
    if text.startswith("@") and text not in MACROS:
        _refuse(expression, f"the macros are {', '.join(MACROS)}")
    fields = " ".join(MACROS.get(text, expression).upper().split())
    counts = (5, 6) if allow_seconds else (5,)
    if len(fields.split()) not in counts:
        _refuse(expression, f"it must have {' or '.join(map(str, counts))} fields")
    try:
        walk = CronSim(fields, EARLIEST.replace(tzinfo=None))
    except (CronSimError, ValueError) as error:
        _refuse(expression, str(error).lower(), error)
    find_zone(timezone)
    if next(walk, None) is None:
        _refuse(expression, "no day ever matches it")
    return CronTrigger(fields, timezone)


def _refuse(expression: object, reason: str, cause: Exception | None = None) -> NoReturn:
    raise InvalidArgument(
        f"The expression {shown(expression)} is not a cron rule: {reason}.", field="expression"
    ) from cause
