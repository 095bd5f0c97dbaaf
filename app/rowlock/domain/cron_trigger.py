"""Cron schedules with Debian cron's meaning, in an IANA time zone.

`cronsim` reads the expression and walks the wall clock; this module turns wall clock times into
instants. A rule for fixed times (neither its minutes nor its hours start with `*`) that falls into
the gap when clocks go forward is due right after the gap, and one that falls into the hour that is
repeated when clocks go back is due at the first pass only. Any other rule follows elapsed time:
nothing in the gap, and both passes of the repeated hour.

cronsim's own handling of zones is not used: where clocks change by half an hour it loses windows
(Australia/Lord_Howe), and where they changed at 00:01 its search did not end (America/St_Johns).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from itertools import takewhile

from cron_descriptor import FormatException, Options, get_description
from cronsim import CronSim

from rowlock.domain.bounds import EARLIEST, LATEST
from rowlock.domain.time_zones import find_zone
from rowlock.domain.trigger_base import Trigger

_SECOND = timedelta(seconds=1)
_MINUTE = timedelta(minutes=1)
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
        instants = _fixed_instants if self._has_fixed_times() else _elapsed_instants
        last = max(instant, EARLIEST)
        try:
            for window in instants(CronSim(self.fields, _walk_start(last, zone)), zone):
                if window > LATEST:
                    return
                if window > last:
                    last = window
                    yield window
        except OverflowError:
            return  # beyond the year 9999

    def newest_windows(self, *, after: datetime, until: datetime, n: int) -> list[datetime]:
        after, until = max(after, EARLIEST), min(until, LATEST)
        zone = find_zone(self.timezone)
        back = n + 2
        while n > 0:
            # Walking the wall clock backwards only says where to start: near a change of clocks a
            # match may have no window, or two.
            start = self._start_of_newest(zone, after, until, back)
            found = list(takewhile(lambda window: window <= until, self.windows_after(start)))
            if len(found) >= n or start == after:
                return found[-n:]
            back *= 2
        return []

    def describe(self) -> str:
        """Such as `At 09:00, Monday through Friday (Europe/Berlin)`."""
        options = Options()
        options.use_24hour_time_format = True
        try:
            text = get_description(self.fields, options)
        except FormatException:  # it reads fewer forms than cronsim, which is right but wordier
            text = CronSim(self.fields, EARLIEST).explain()
        return f"{text} ({self.timezone})"

    def _has_fixed_times(self) -> bool:
        minutes, hours = self.fields.split()[-5:-3]
        return not minutes.startswith("*") and not hours.startswith("*")

    def _start_of_newest(self, zone: tzinfo, after: datetime, until: datetime, back: int) -> datetime:
        """An instant before the last `back` matches up to `until`, but not before `after`."""
        latest, earliest = _wall(until + _SECOND, zone), _wall(after, zone) - _DAY
        oldest = earliest
        for nth, match in enumerate(CronSim(self.fields, latest, reverse=True), start=1):
            if match <= earliest or nth == back:
                oldest = match
                break
        return max(after, _passes(oldest, zone)[0] - _SECOND)


def _wall(instant: datetime, zone: tzinfo) -> datetime:
    return instant.astimezone(zone).replace(tzinfo=None)


def _passes(wall: datetime, zone: tzinfo) -> tuple[datetime, datetime]:
    """The instants at which clocks show `wall` for the first and for the second time. Equal on
    ordinary days; in a gap, where they never show it, the second is the earlier one (PEP 495)."""
    first, second = (wall.replace(tzinfo=zone, fold=fold) for fold in (0, 1))
    return first.astimezone(UTC), second.astimezone(UTC)


def _walk_start(instant: datetime, zone: tzinfo) -> datetime:
    """Where to start on the wall clock, so that no match of a repeated hour is passed over."""
    wall = _wall(instant, zone)
    first, second = _passes(wall, zone)
    return wall - max(second - first, timedelta(0))


def _fixed_instants(matches: Iterable[datetime], zone: tzinfo) -> Iterator[datetime]:
    gap_end: datetime | None = None
    for match in matches:
        if gap_end is not None and match < gap_end:
            continue
        wall = match
        first, second = _passes(wall, zone)
        while second < first:
            wall = gap_end = wall.replace(second=0) + _MINUTE
            first, second = _passes(wall, zone)
        yield first


def _elapsed_instants(matches: Iterable[datetime], zone: tzinfo) -> Iterator[datetime]:
    second_passes: list[datetime] = []
    for match in matches:
        first, second = _passes(match, zone)
        if second > first:
            second_passes.append(second)
        elif second == first:
            yield from second_passes
            second_passes.clear()
        if second >= first:
            yield first
    yield from second_passes
