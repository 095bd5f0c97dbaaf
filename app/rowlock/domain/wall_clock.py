"""What the clocks of a zone show at an instant, and at which instants they show a wall clock time.

Wall clock times are naive datetimes here, instants are aware. A time that clocks show twice has two
passes, of which the first counts; one that they never show (clocks go forward over it) counts as
the shift itself, the instant at which they jump.
"""

from __future__ import annotations

from bisect import bisect_left
from datetime import UTC, datetime, timedelta, tzinfo

_SECOND = timedelta(seconds=1)


def wall_of(instant: datetime, zone: tzinfo) -> datetime:
    """What clocks show at `instant`."""
    return instant.astimezone(zone).replace(tzinfo=None)


def passes(wall: datetime, zone: tzinfo) -> tuple[datetime, datetime]:
    """The instants at which clocks show `wall` for the first and for the second time. Equal on
    ordinary days; in a gap, where they never show it, the second is the earlier one (PEP 495)."""
    first, second = (wall.replace(tzinfo=zone, fold=fold) for fold in (0, 1))
    return first.astimezone(UTC), second.astimezone(UTC)


def shift_between(before: datetime, after: datetime, zone: tzinfo) -> datetime:
    """The instant at which clocks change, `before` being earlier and `after` not earlier than it."""
    start, end = before.replace(microsecond=0), after.replace(microsecond=0)  # zones change on whole seconds
    changed = end.astimezone(zone).utcoffset()
    seconds = bisect_left(
        range((end - start) // _SECOND),
        True,
        key=lambda second: (start + second * _SECOND).astimezone(zone).utcoffset() == changed,
    )
    return start + seconds * _SECOND


def instant_of(wall: datetime, zone: tzinfo) -> datetime:
    """The first instant at which clocks show `wall`, or else the shift that leaves it out."""
    first, second = passes(wall, zone)
    return shift_between(second, first, zone) if second < first else first
