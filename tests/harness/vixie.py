"""Vixie cron's semantics a second time, as plainly as they can be put: sets of numbers, looked at minute by minute.

Shares no code with the domain, and no library but `zoneinfo`, of which it asks only what clocks show at an instant:
what a wall clock time means is never asked. Slow, and meant to be obviously right:

- A minute matches if the local minute and hour are in their sets, and the local date is in those of month, day and
  weekday: in both day sets if either field starts with `*`, else in one of them.
- cron watches the local clock. A rule for fixed times (neither its minute nor its hour starts with `*`) runs at a
  minute only if that is later than all that the clock has shown; when the clock leaps over minutes that match, it runs
  at once, and once. Any other rule runs whenever the local time matches.
- Beyond Vixie, as rowlock documents it: seconds before the minute, `L`, `LW`, `5L`, `MON#2`, and `5/15` for `5-59/15`.
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from itertools import pairwise
from zoneinfo import ZoneInfo

MACROS = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
MONTHS = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"]
WEEKDAYS = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"]
LIMITS = [(0, 59), (0, 59), (0, 23), (1, 31), (1, 12), (0, 7)]
HOUR, DAY = 60, 1_440  # minutes
WATCHED_BEFORE = 3 * DAY  # what clocks have shown earlier than that, they do not show again
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
EPOCH_DAY = EPOCH.toordinal()


def number_of(text: str) -> int:
    if text in MONTHS:
        return MONTHS.index(text) + 1
    return WEEKDAYS.index(text) if text in WEEKDAYS else int(text)


def is_place(part: str) -> bool:
    return part in {"L", "LW"} or "#" in part or (part.endswith("L") and part[:-1].isdigit())


def numbers_in(text: str, lowest: int, highest: int) -> set[int]:
    numbers: set[int] = set()
    for part in text.split(","):
        if is_place(part):
            continue
        span, _, step = part.partition("/")
        if span == "*":
            first, last = lowest, highest
        elif "-" in span:
            first, last = (number_of(end) for end in span.split("-"))
        else:
            first = number_of(span)
            last = highest if step else first
        numbers.update(range(first, last + 1, int(step or 1)))
    return numbers


def is_at(place: str, day: date) -> bool:
    """Whether a date lies at a place in its month."""
    last = monthrange(day.year, day.month)[1]
    if place == "L":
        return day.day == last
    if place == "LW":
        workdays = [number for number in range(1, last + 1) if day.replace(day=number).isoweekday() <= 5]
        return day.day == max(workdays)
    weekday, _, nth = place.partition("#")
    if day.isoweekday() % 7 != number_of(weekday.removesuffix("L")) % 7:
        return False
    return (day.day - 1) // 7 + 1 == int(nth) if nth else day.day + 7 > last


@lru_cache(maxsize=100_000)
def changes_in(zone: str, year: int) -> list[tuple[int, int]]:
    """The minutes since the epoch at which the clocks of a zone change, with what they are ahead of UTC afterwards."""
    clock = ZoneInfo(zone)

    def ahead(minute: int) -> int:
        offset = (EPOCH + timedelta(minutes=minute)).astimezone(clock).utcoffset()
        assert offset is not None
        minutes, rest = divmod(offset, timedelta(minutes=1))
        assert not rest, f"{zone} was off by a fraction of a minute in {year}"
        return minutes

    begin, end = ((datetime(y, 1, 1, tzinfo=UTC) - EPOCH) // timedelta(minutes=1) for y in (year, year + 1))
    changes = [(begin, ahead(begin))]
    for midnight in range(begin + DAY, end + 1, DAY):
        present = changes[-1][1]
        if ahead(midnight) != present:
            before, after = midnight - DAY, midnight
            while after - before > 1:
                middle = (before + after) // 2
                before, after = (middle, after) if ahead(middle) == present else (before, middle)
            changes.append((after, ahead(after)))
    return changes


def stretches(zone: str, minute: int, last_year: int) -> Iterator[tuple[int, int, int]]:
    """From a minute to a year's end: from which minute to before which other clocks are how far ahead of UTC."""
    for year in range((EPOCH + timedelta(minutes=minute)).year, last_year + 1):
        changes = [*changes_in(zone, year), changes_in(zone, year + 1)[0]]
        for (begin, ahead), (end, _) in pairwise(changes):
            if end > minute:
                yield max(begin, minute), end, ahead


@dataclass
class Vixie:
    """One rule, read. `minutes` and so on are the numbers, `…_places` the places in the month."""

    seconds: list[int]
    minutes: set[int]
    hours: set[int]
    days: set[int]
    day_places: list[str]
    months: set[int]
    weekdays: set[int]
    weekday_places: list[str]
    both_days: bool
    fixed: bool
    _runs_on: dict[int, bool] = field(default_factory=dict)

    @classmethod
    def read(cls, expression: str) -> Vixie:
        fields = MACROS.get(expression.lower(), expression).upper().split()
        if len(fields) == 5:
            fields.insert(0, "0")
        seconds, minutes, hours, days, months, weekdays = (
            numbers_in(text, *limits) for text, limits in zip(fields, LIMITS, strict=True)
        )
        return cls(
            seconds=sorted(seconds),
            minutes=minutes,
            hours=hours,
            days=days,
            day_places=[part for part in fields[3].split(",") if is_place(part)],
            months=months,
            weekdays={weekday % 7 for weekday in weekdays},
            weekday_places=[part for part in fields[5].split(",") if is_place(part)],
            both_days=fields[3].startswith("*") or fields[5].startswith("*"),
            fixed=not fields[1].startswith("*") and not fields[2].startswith("*"),
        )

    def runs_on(self, day_number: int) -> bool:
        if day_number not in self._runs_on:
            day = date.fromordinal(EPOCH_DAY + day_number)
            of_month = day.day in self.days or any(is_at(place, day) for place in self.day_places)
            of_week = day.isoweekday() % 7 in self.weekdays or any(is_at(place, day) for place in self.weekday_places)
            fits = (of_month and of_week) if self.both_days else (of_month or of_week)
            self._runs_on[day_number] = day.month in self.months and fits
        return self._runs_on[day_number]

    def matches(self, local: int) -> bool:
        """Whether it runs when the local clock shows that minute since the epoch."""
        hour, minute = divmod(local % DAY, HOUR)
        return minute in self.minutes and hour in self.hours and self.runs_on(local // DAY)

    def windows_after(self, after: datetime, zone: str, *, until: datetime) -> Iterator[datetime]:
        """The instants at which it runs, later than `after` and not later than `until`."""
        start = (after - EPOCH) // timedelta(minutes=1) - WATCHED_BEFORE
        for run in self._seconds_since_epoch(stretches(zone, start, until.year)):
            instant = EPOCH + timedelta(seconds=run)
            if instant > until:
                return
            if instant > after:
                yield instant

    def _seconds_since_epoch(self, clock: Iterable[tuple[int, int, int]]) -> Iterator[int]:
        shown: int | None = None  # the latest minute that the local clock has shown
        for begin, end, ahead in clock:
            local = begin + ahead
            leapt_over = range(shown + 1, local) if shown is not None and self.fixed else range(0)
            at_once = any(self.matches(minute) for minute in leapt_over)
            if at_once:
                yield begin * 60
            for minute in self._minutes_that_match(begin, end, ahead):
                if self.fixed and shown is not None and minute + ahead <= shown:
                    continue
                yield from (
                    minute * 60 + second for second in self.seconds if not (at_once and minute == begin and second == 0)
                )
            shown = max(shown or 0, end - 1 + ahead)

    def _minutes_that_match(self, begin: int, end: int, ahead: int) -> Iterator[int]:
        """Minute by minute, but for days and hours none of whose minutes can match."""
        minute = begin
        while minute < end:
            local = minute + ahead
            if not self.runs_on(local // DAY):
                minute += DAY - local % DAY
            elif local % DAY // HOUR not in self.hours:
                minute += HOUR - local % HOUR
            else:
                if self.matches(local):
                    yield minute
                minute += 1
