"""Every so many days, weeks, months or years, at a time of day on the clocks of a zone.

The dates are counted from the anchor's date, each by itself, so none drifts: monthly from the 31st
gives 28 February and then 31 March again, yearly from 29 February every 28th but in leap years.
Clocks that change are met as by a cron rule for a fixed time: a time that is left out is due at the
shift, one that is shown twice at its first pass.
"""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from itertools import islice, pairwise, takewhile
from typing import Literal, NoReturn

from rowlock.domain.bounds import LATEST, MAX_DELAY, check_run_at, shown
from rowlock.domain.errors import InvalidArgument
from rowlock.domain.time_zones import find_zone
from rowlock.domain.trigger_base import INSTANT, Trigger
from rowlock.domain.wall_clock import instant_of, wall_of

Unit = Literal["day", "month"]

_UNITS: dict[str, tuple[int, Unit]] = {
    "day": (1, "day"),
    "week": (7, "day"),
    "month": (1, "month"),
    "year": (12, "month"),
}
_MOST: dict[Unit, int] = {"day": MAX_DELAY.days, "month": 120}
_EXPRESSION = re.compile(
    r"(?:every\s+)?(?P<number>\d{1,4})\s+(?P<unit>day|week|month|year)s?\s+at\s+"
    r"(?P<hour>\d\d?):(?P<minute>\d\d)(?::(?P<second>\d\d))?",
    re.ASCII,
)


@dataclass(frozen=True, slots=True)
class CalendarTrigger(Trigger):
    """Windows `at` a time of every `number`-th day or month on the clocks of `timezone`: the first on
    the date of `anchor`, or on the one after it if that would be before `anchor`."""

    number: int
    unit: Unit
    at: time
    timezone: str
    anchor: datetime

    def windows_after(self, instant: datetime) -> Iterator[datetime]:
        last = min(max(instant, self.anchor - INSTANT), LATEST)
        zone = find_zone(self.timezone)
        for day in self._dates(self._step_towards(last)):
            window = instant_of(datetime.combine(day, self.at), zone)
            if last < window <= LATEST:  # where clocks left out a day, two dates share the shift
                last = window
                yield window

    def newest_windows(self, *, after: datetime, until: datetime, n: int) -> list[datetime]:
        after, until = max(after, self.anchor - INSTANT), min(until, LATEST)
        if n <= 0 or until <= after:
            return []
        first = self._step_towards(until) - n  # gives one date more, since two may share a shift
        zone = find_zone(self.timezone)
        dates = self._dates(max(first, self._step_towards(after)))
        windows = (instant_of(datetime.combine(day, self.at), zone) for day in dates)
        due = takewhile(lambda window: window <= until, windows)
        return list(dict.fromkeys(window for window in due if window > after))[-n:]

    def shortest_gap(self, sample: int, /) -> timedelta:
        steps = (later - earlier for earlier, later in pairwise(self._dates(0)))
        return min(islice(steps, sample), default=timedelta.max)

    def describe(self) -> str:
        """Such as `Every 2 weeks at 03:30, from 2026-01-05 on (Europe/Berlin)`."""
        name, number = next(
            (name, self.number // size)
            for name, (size, unit) in reversed(_UNITS.items())
            if unit == self.unit and self.number % size == 0
        )
        every = f"Every {name}" if number == 1 else f"Every {number} {name}s"
        at = self.at.isoformat("seconds" if self.at.second else "minutes")
        return f"{every} at {at}, from {self._anchor_date()} on ({self.timezone})"

    def _anchor_date(self) -> date:
        return wall_of(self.anchor, find_zone(self.timezone)).date()

    def _step_towards(self, instant: datetime) -> int:
        """A step none of whose predecessors has a window after `instant`; at most two too early."""
        first, day = self._anchor_date(), wall_of(instant, find_zone(self.timezone)).date()
        months = (day.year - first.year) * 12 + day.month - first.month
        return max(0, ((day - first).days if self.unit == "day" else months) // self.number - 1)

    def _dates(self, step: int) -> Iterator[date]:
        """The dates of this step and those after it, to the end of the last year."""
        first = self._anchor_date()
        if self.unit == "day":
            days = range(step * self.number, (LATEST.date() - first).days + 1, self.number)
            yield from (first + timedelta(days=since_first) for since_first in days)
            return
        month = first.year * 12 + first.month - 1 + step * self.number
        while month // 12 <= LATEST.year:
            last_day = monthrange(month // 12, month % 12 + 1)[1]
            yield date(month // 12, month % 12 + 1, min(first.day, last_day))
            month += self.number


def parse_calendar(expression: object, timezone: str, anchor: datetime) -> CalendarTrigger:
    """Such as `1 month at 09:00` or `2 weeks at 03:30:15`, from `anchor` on; at most every ten years.
    Raises `InvalidArgument`."""
    find_zone(timezone)
    text = expression.strip().lower() if isinstance(expression, str) else ""
    found = _EXPRESSION.fullmatch(text)
    if found is None:
        _refuse(expression, "write a number of days, weeks, months or years and a time, as in 2 weeks at 03:30")
    size, unit = _UNITS[found["unit"]]
    number = int(found["number"]) * size
    if not 1 <= number <= _MOST[unit]:
        _refuse(expression, f"the number of {found['unit']}s must be 1 to {_MOST[unit] // size}")
    try:
        at = time(int(found["hour"]), int(found["minute"]), int(found["second"] or 0))
    except ValueError as error:
        _refuse(expression, f"the time is not one of a day: {error}")
    return CalendarTrigger(number, unit, at, timezone, check_run_at(anchor, field="anchor"))


def _refuse(expression: object, reason: str) -> NoReturn:
    raise InvalidArgument(
        f"The expression {shown(expression)} is not a calendar interval: {reason}.", field="expression"
    )
