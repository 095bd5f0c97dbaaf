"""Cron schedules with Debian cron's meaning, in an IANA time zone: their windows, forwards and backwards.

A rule is one for fixed times if neither its minutes nor its hours start with `*`, whatever follows
the star. `cron_instants` says what that means on days on which clocks change.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice, pairwise, takewhile

from cron_descriptor import FormatException, Options, get_description

from rowlock.domain.bounds import EARLIEST, LATEST
from rowlock.domain.cron_instants import first_wall, instants
from rowlock.domain.cron_rule import FIRST_DAY, LAST_OF_ALL_DAYS, read_rule
from rowlock.domain.time_zones import find_zone
from rowlock.domain.trigger_base import Trigger
from rowlock.domain.wall_clock import passes, wall_of

_SECOND, _MINUTE, _HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)
_DAY = timedelta(days=1)  # more than any zone ever set its clocks back


@dataclass(frozen=True, slots=True)
class CronTrigger(Trigger):
    """The windows of `fields` (five, or six with the seconds first) on the clocks of `timezone`.

    `parse_cron` makes it of what people write; the fields are taken as valid here.
    """

    fields: str
    timezone: str

    def windows_after(self, instant: datetime) -> Iterator[datetime]:
        zone = find_zone(self.timezone)
        last = min(max(instant, EARLIEST), LATEST)
        minutes, hours = self.fields.split()[-5:-3]
        at_fixed_times = "*" not in {minutes[0], hours[0]}
        for window in instants(read_rule(self.fields), first_wall(last, zone), zone, at_fixed_times=at_fixed_times):
            if window > LATEST:
                return
            if window > last:
                last = window
                yield window

    def newest_windows(self, *, after: datetime, until: datetime, n: int) -> list[datetime]:
        after, until = max(after, EARLIEST), min(until, LATEST)
        back = n + 2
        while n > 0:
            # Walking the wall clock backwards only says where to start: near a change of clocks a
            # match may have no window, or two.
            start = self._start_of_newest(after, until, back)
            found = list(takewhile(lambda window: window <= until, self.windows_after(start)))
            if len(found) >= n or start == after:
                return found[-n:]
            back *= 2
        return []

    def shortest_gap(self, sample: int, /) -> timedelta:
        rule = read_rule(self.fields)
        gap, first, last = timedelta.max, timedelta(0), timedelta(0)
        for numbers, unit in ((rule.seconds, _SECOND), (rule.minutes, _MINUTE), (rule.hours, _HOUR)):
            steps = [later - earlier for earlier, later in pairwise(numbers)]
            gap = min([gap, *(step * unit - (last - first) for step in steps)])
            first, last = first + numbers[0] * unit, last + numbers[-1] * unit
        overnight = _DAY - (last - first)
        if gap > overnight:
            gap = min([gap, *(overnight + step - _DAY for step in self._steps_between_days(sample))])
        return gap

    def describe(self) -> str:
        """Such as `At 09:00, Monday through Friday (Europe/Berlin)`."""
        return f"{self._described()} ({self.timezone})"

    def _described(self) -> str:
        options = Options()
        options.use_24hour_time_format = True
        in_other_words = read_rule(self.fields).reader.explain  # reads every form, but is wordier
        day, _, weekday = self.fields.split()[-3:]
        if "*" in {day[0], weekday[0]} and "*" not in {day, weekday}:
            return str(in_other_words())  # such as `*/2` and `5`: cron-descriptor says OR where it is AND
        try:
            return str(get_description(self.fields, options))
        except FormatException:
            return str(in_other_words())

    def _steps_between_days(self, sample: int) -> Iterator[timedelta]:
        """From each day that matches to the next, up to the first step that is the shortest of all."""
        for earlier, later in islice(pairwise(read_rule(self.fields).days(FIRST_DAY, LAST_OF_ALL_DAYS)), sample):
            yield later - earlier
            if later - earlier == _DAY:
                return

    def _start_of_newest(self, after: datetime, until: datetime, back: int) -> datetime:
        """An instant before the last `back` matches up to `until`, but not before `after`."""
        zone = find_zone(self.timezone)
        rule = read_rule(self.fields)
        first_day = (wall_of(after, zone) - _DAY).date()
        oldest = rule.minute_back(back // len(rule.seconds) + 2, wall_of(until, zone), first_day)
        return after if oldest is None else max(after, passes(oldest, zone)[0] - _SECOND)
