"""A cron rule on the wall clock: the days and the times of day that it matches, in either direction.

`cronsim` reads the fields and knows which days match. Its own walk through time takes some 50
microseconds a match, ten thousand of which are too many for one tick; sets of days and times,
walked as such, take less than one.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import lru_cache

from cronsim import CronSim

from rowlock.domain.bounds import EARLIEST

_DAY = timedelta(days=1)
_MINUTES_OF_DAY = [timedelta(minutes=minute) for minute in range(24 * 60)]
_SECONDS_OF_MINUTE = [timedelta(seconds=second) for second in range(60)]
FIRST_DAY = EARLIEST.date()
# The calendar repeats every 400 years, so a rule that matches no day until then never does.
LAST_OF_ALL_DAYS = FIRST_DAY.replace(year=FIRST_DAY.year + 400)


@dataclass(frozen=True, slots=True, eq=False)
class CronRule:
    """The numbers that each field takes, rising."""

    seconds: tuple[int, ...]
    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    months: Collection[int]
    reader: CronSim

    def days(self, first: date, last: date) -> Iterator[date]:
        """The days that match, from `first` to `last`, rising."""
        day = first
        while day <= last:
            if day.month not in self.months:
                day = (day.replace(day=1) + 31 * _DAY).replace(day=1)
                continue
            if self.reader.match_day(day):
                yield day
            day += _DAY

    def days_back(self, last: date, first: date) -> Iterator[date]:
        """The days that match, from `last` back to `first`, falling."""
        day = last
        while day >= first:
            if day.month not in self.months:
                day = day.replace(day=1) - _DAY
                continue
            if self.reader.match_day(day):
                yield day
            day -= _DAY

    def times(self, since: time) -> Iterator[timedelta]:
        """The times of a matching day, from the minute of `since` on, rising."""
        for hour in self.hours[bisect_left(self.hours, since.hour) :]:
            first = bisect_left(self.minutes, since.minute) if hour == since.hour else 0
            for minute in self.minutes[first:]:
                whole = _MINUTES_OF_DAY[hour * 60 + minute]
                for second in self.seconds:
                    yield whole + _SECONDS_OF_MINUTE[second]

    def minute_back(self, nth: int, until: datetime, first: date) -> datetime | None:
        """The `nth` newest minute that matches and is not later than `until`; None if the day `first`
        comes before it. The cost grows with the days in between, not with `nth`."""
        left = nth
        for day in self.days_back(until.date(), first):
            whole = day < until.date()
            minutes = len(self.hours) * len(self.minutes) if whole else self._minutes_until(until.time())
            if left <= minutes:
                hour, minute = divmod(minutes - left, len(self.minutes))
                return datetime.combine(day, time(self.hours[hour], self.minutes[minute]))
            left -= minutes
        return None

    def _minutes_until(self, until: time) -> int:
        minutes = bisect_left(self.hours, until.hour) * len(self.minutes)
        return minutes + (bisect_right(self.minutes, until.minute) if until.hour in self.hours else 0)


@lru_cache(maxsize=4_096)
def read_rule(fields: str) -> CronRule:
    """The rule of five or six fields. Raises `CronSimError` if cronsim cannot read them, or sees at
    once that no day matches."""
    reader = CronSim(fields, EARLIEST.replace(tzinfo=None))
    seconds, minutes, hours = (tuple(sorted(numbers)) for numbers in (reader.seconds, reader.minutes, reader.hours))
    return CronRule(seconds, minutes, hours, frozenset(reader.months), reader)
