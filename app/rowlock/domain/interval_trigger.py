"""Every so long, counted from an anchor: windows are exact multiples, so nothing ever drifts."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import NoReturn

from rowlock.domain.bounds import LATEST, MAX_DELAY, check_run_at, shown
from rowlock.domain.errors import InvalidArgument
from rowlock.domain.trigger_base import Trigger

MIN_INTERVAL = timedelta(seconds=1)  # the scheduler looks about once a second

_EXPRESSION = re.compile(
    r"(?:(?P<days>\d{1,4})d)?(?:(?P<hours>\d{1,9})h)?(?:(?P<minutes>\d{1,9})m)?"
    r"(?:(?P<seconds>\d{1,9}(?:\.\d{1,6})?)s?)?",
    re.ASCII,
)


@dataclass(frozen=True, slots=True)
class IntervalTrigger(Trigger):
    """Windows at `anchor`, `anchor + interval`, `anchor + 2 * interval`, and so on."""

    interval: timedelta
    anchor: datetime

    def windows_after(self, instant: datetime) -> Iterator[datetime]:
        try:
            window = self.anchor + self._steps_after(instant) * self.interval
            while window <= LATEST:
                yield window
                window += self.interval
        except OverflowError:
            return  # beyond year 9999

    def newest_windows(self, *, after: datetime, until: datetime, n: int) -> list[datetime]:
        end = self._steps_after(min(until, LATEST))
        start = max(self._steps_after(after), end - n)
        return [self.anchor + step * self.interval for step in range(start, end)]

    def shortest_gap(self, _sample: int, /) -> timedelta:
        return self.interval

    def describe(self) -> str:
        """Such as `Every 1 day, 2:30:00 from 2026-01-01 00:00:00+00:00 on`."""
        return f"Every {self.interval} from {self.anchor.astimezone(UTC)} on"

    def _steps_after(self, instant: datetime) -> int:
        """The number of the first window after `instant`; the anchor is number 0."""
        return max(0, (instant - self.anchor) // self.interval + 1)


def parse_interval(expression: object, anchor: datetime) -> IntervalTrigger:
    """Seconds (`90`, `1.5`) or a sum of units (`1d12h`, `15m`, `1h30m10s`), from `anchor` on."""
    text = expression.strip().lower() if isinstance(expression, str) else ""
    found = _EXPRESSION.fullmatch(text)
    units = {unit: float(text) for unit, text in found.groupdict().items() if text} if found else {}
    if not units:
        _refuse(expression, "is not an interval: write seconds (90) or units (1d12h, 15m, 1h30m)")
    interval = timedelta(**units)
    if not MIN_INTERVAL <= interval <= MAX_DELAY:
        _refuse(expression, f"is out of bounds: an interval lasts 1 second to {MAX_DELAY.days} days")
    return IntervalTrigger(interval, check_run_at(anchor, field="anchor"))


def _refuse(expression: object, rule: str) -> NoReturn:
    raise InvalidArgument(f"The expression {shown(expression)} {rule}.", field="expression")
