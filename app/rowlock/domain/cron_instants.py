"""From the wall clock times that a cron rule matches to instants, as Debian cron has it.

A rule for fixed times that falls into the gap when clocks go forward is due at the shift, once, and
one that falls into the hour that is repeated when clocks go back is due at the first pass only. Any
other rule follows elapsed time: nothing in the gap, and both passes of the repeated hour.

cronsim's own handling of zones is not used: where clocks change by half an hour it loses windows
(Australia/Lord_Howe), and where they changed at 00:01 its search did not end (America/St_Johns).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date, datetime, time, timedelta, tzinfo
from functools import lru_cache
from itertools import groupby

from rowlock.domain.bounds import LATEST
from rowlock.domain.cron_rule import CronRule
from rowlock.domain.wall_clock import passes, shift_between, wall_of

_DAY = timedelta(days=1)
_MIDNIGHT = time()


def first_wall(instant: datetime, zone: tzinfo) -> datetime:
    """Where to start on the wall clock, so that no match of a repeated hour is passed over."""
    wall = wall_of(instant, zone)
    first, second = passes(wall, zone)
    return wall - max(second - first, timedelta(0))


def instants(rule: CronRule, start: datetime, zone: tzinfo, *, at_fixed_times: bool) -> Iterator[datetime]:
    """The instants of what matches from wall clock time `start` on, rising; a shift may be repeated."""

    def times(day: date) -> Iterator[timedelta]:
        return rule.times(start.time() if day == start.date() else _MIDNIGHT)

    settled = _fixed_instants if at_fixed_times else _elapsed_instants
    days = rule.days(start.date(), LATEST.date() + _DAY)
    for begin, same in groupby(days, key=lambda day: _begin_of_day(day, zone)):
        if begin is None:  # also of the day after it, if that matches: a repeated hour may span midnight
            yield from settled((datetime.combine(day, _MIDNIGHT) + since for day in same for since in times(day)), zone)
        else:
            for since_midnight in times(next(same)):
                yield begin + since_midnight


@lru_cache(maxsize=16_384)  # shared by all schedules of a zone, most of which come on the same days
def _begin_of_day(day: date, zone: tzinfo) -> datetime | None:
    """The instant at which a day begins; None if clocks change on it."""
    midnight = datetime.combine(day, _MIDNIGHT)
    begins, ends = passes(midnight, zone), passes(midnight + _DAY, zone)
    ordinary = begins[0] == begins[1] and ends[0] == ends[1] and ends[0] - begins[0] == _DAY
    return begins[0] if ordinary else None


def _fixed_instants(matches: Iterable[datetime], zone: tzinfo) -> Iterator[datetime]:
    gap_end: datetime | None = None
    for match in matches:
        if gap_end is not None and match < gap_end:
            continue
        first, second = passes(match, zone)
        if second < first:
            first = shift_between(second, first, zone)
            gap_end = wall_of(first, zone)
        yield first


def _elapsed_instants(matches: Iterable[datetime], zone: tzinfo) -> Iterator[datetime]:
    second_passes: list[datetime] = []
    for match in matches:
        first, second = passes(match, zone)
        if second > first:
            second_passes.append(second)
        elif second == first:
            yield from second_passes
            second_passes.clear()
        if second >= first:
            yield first
    yield from second_passes
