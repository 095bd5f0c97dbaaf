"""One window, at a date."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NoReturn

from rowlock.domain.bounds import EARLIEST, LATEST, check_run_at, shown
from rowlock.domain.errors import InvalidArgument
from rowlock.domain.time_zones import find_zone
from rowlock.domain.trigger_base import Trigger
from rowlock.domain.wall_clock import instant_of, wall_of

_EXPRESSION = re.compile(
    r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d{1,6})?)?(Z|[+-]\d\d:\d\d)?", re.ASCII | re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class OnceTrigger(Trigger):
    """The one window `at`. `timezone` is for people."""

    at: datetime
    timezone: str = "UTC"

    def windows_after(self, instant: datetime) -> Iterator[datetime]:
        if instant < self.at:
            yield self.at

    def newest_windows(self, *, after: datetime, until: datetime, n: int) -> list[datetime]:
        return [self.at] if n > 0 and after < self.at <= until else []

    def shortest_gap(self, _sample: int, /) -> timedelta:
        return timedelta.max

    def describe(self) -> str:
        """Such as `Once, at 2026-03-01 09:00:00 (Europe/Berlin)`."""
        return f"Once, at {wall_of(self.at, find_zone(self.timezone))} ({self.timezone})"


def parse_once(expression: object, timezone: str) -> OnceTrigger:
    """A date and time with an offset, such as `2026-03-01T09:00+01:00`, or on the clocks of
    `timezone`: a time that they show twice counts at its first pass, one that they never show at
    the shift. Raises `InvalidArgument`."""
    zone = find_zone(timezone)
    if not isinstance(expression, str) or _EXPRESSION.fullmatch(expression.strip()) is None:
        _refuse(expression, "write it as 2026-03-01T09:00, with an offset (+01:00, Z) or on the timezone's clocks")
    try:
        given = datetime.fromisoformat(expression.strip().upper())
    except ValueError as error:
        _refuse(expression, str(error))
    if given.tzinfo is None:
        if not EARLIEST.year <= given.year <= LATEST.year:
            _refuse(expression, f"it must lie in the years {EARLIEST.year} to {LATEST.year}")
        given = instant_of(given, zone)
    return OnceTrigger(check_run_at(given, field="expression"), timezone)


def _refuse(expression: object, reason: str) -> NoReturn:
    raise InvalidArgument(f"The expression {shown(expression)} is not a date: {reason}.", field="expression")
